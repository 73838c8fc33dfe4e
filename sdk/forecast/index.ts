export { ForecastError, type ForecastErrorCode } from "./error.js";
export { Forecast, type ForecastOptions, type RunOut } from "./forecast.js";
export { cubeRoot, exp, normalCdf } from "./numeric.js";
