export * from "hal/sensors/sensor-io";
