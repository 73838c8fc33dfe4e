export * from "sdk/index";
