import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import * as shippedConstants from "../../../../sdk/forecast/constants.js";
import type { Forecast } from "../../../../sdk/forecast/index.js";

export type Constants = Readonly<Record<keyof typeof shippedConstants, number>>;
export const SHIPPED: Constants = shippedConstants;

/** The SDK's forecast as one script that requires its constants: they are compiled into it everywhere else. */
let script: string | undefined;

function scriptOf(): string {
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL("../../../../sdk/forecast/index.js", import.meta.url))],
    bundle: true,
    external: ["./constants.js"],
    format: "cjs",
    target: "es2022",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0]!.text;
}

/** The SDK's forecast, line for line, with other constants. */
export function forecastWith(constants: Partial<Constants>): typeof Forecast {
  script ??= scriptOf();
  const module = { exports: {} as { Forecast: typeof Forecast } };
  new Function("require", "module", script)(() => ({ ...SHIPPED, ...constants }), module);
  return module.exports.Forecast;
}
