export * from "hal/index";
