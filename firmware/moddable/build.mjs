// Builds a product with the Moddable SDK: for `lin`, its simulator on Linux, or `esp32`, up to the linked bytecode.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { checkedConfiguration, Refused } from "./configuration.mjs";

const GETTING_STARTED =
  "https://github.com/Moddable-OpenSource/moddable/blob/public/documentation/Moddable%20SDK%20-%20Getting%20Started.md";
const USAGE = `usage: node firmware/moddable/build.mjs lin|esp32[/TARGET] [PRODUCT] [--out DIR] [--modules] [--verbose] [KEY=VALUE ...]

  PRODUCT     folder of a product, with manifest.json, or the manifest; default firmware/any
  KEY=VALUE goes into the product's configuration, see firmware/README.md.
  --out DIR   where to build; default dist/moddable
  --modules   lists the bytecode of each module of ours, the largest first
  --verbose   shows what the tools say`;
/** What link:esp32 tells makefiles of the SDK that look for ESP-IDF: the version that the SDK expects. */
const IDF_VERSION = "v6.0";
const TOOLS = { linux: "lin", darwin: "mac", win32: "win" };
const LINES_OF_FAILURE = 40;

const firmware = fileURLToPath(new URL("..", import.meta.url));
const root = resolve(firmware, "..");

class Failure extends Error {}

function parse(args) {
  const options = {
    platform: undefined,
    product: undefined,
    out: join(root, "dist", "moddable"),
    verbose: false,
    modules: false,
    settings: [],
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--verbose") options.verbose = true;
    else if (arg === "--modules") options.modules = true;
    else if (arg === "--out" && args[i + 1] !== undefined) options.out = resolve(args[++i]);
    else if (/^[A-Za-z]\w*=/.test(arg)) options.settings.push(arg);
    else if (options.platform === undefined && /^(lin|esp32(\/\w+)?)$/.test(arg)) options.platform = arg;
    else if (options.platform !== undefined && options.product === undefined && !arg.startsWith("-"))
      options.product = resolve(arg);
    else throw new Failure(`${arg}: not known\n${USAGE}`);
  }
  if (options.platform === undefined) throw new Failure(USAGE);
  return options;
}

/** The product that is built. @param {string} path its folder or its manifest */
function productOf(path = join(firmware, "any")) {
  const file = path.endsWith(".json") ? path : join(path, "manifest.json");
  if (!existsSync(file)) throw new Failure(`${file}: there is no manifest`);
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Failure(`${file}: JSON is accepted (${error.message})`);
  }
  const folder = dirname(file);
  // mcconfig's default.
  return { folder, manifest, file, name: manifest.build?.NAME ?? basename(folder) };
}

/** Runs a tool in the product's folder; what it says is shown when it fails. */
function run(command, args, { product, env, verbose }) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: product.folder,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    stdio: verbose ? "inherit" : "pipe",
  });
  if (error) throw new Failure(`${command}: ${error.message}`);
  if (status === 0) return;
  const said = verbose
    ? ""
    : `\n${`${stdout}${stderr}`.trim().split("\n").slice(-LINES_OF_FAILURE).join("\n")}`;
  throw new Failure(`${command} ended with ${status}${said}`);
}

function buildSimulator({ out, settings }, context) {
  if (process.platform !== "linux")
    throw new Failure("lin: Moddable's Linux simulator is built on Linux only");
  const { file, name } = context.product;
  run("mcconfig", ["-m", "-p", "lin", "-t", "build", "-o", out, file, ...settings], context);
  const result = join(out, "bin", "lin", "mc", "release", name, "mc.so");
  return { result, temporary: join(out, "tmp", "lin", "mc", "release", name) };
}

/**
 * Everything that is compiled and linked before ESP-IDF takes over. The makefile wants an IDF_PATH and the configuration that IDF makes, but uses neither for
 * these targets: the first only has to be there, the second is said to be up to date.
 */
function linkEsp32({ platform, out, settings }, context) {
  const { file, name } = context.product;
  run("mcconfig", ["-p", platform, "-o", out, file, ...settings], context);
  const temporary = join(out, "tmp", ...platform.split("/"), "release", name);
  const makefile = join(temporary, "makefile");
  const subclass = /^ESP32_SUBCLASS = (\S+)/m.exec(readFileSync(makefile, "utf8"))?.[1] ?? "esp32";
  const sdkconfig = join(temporary, `xsProj-${subclass}`, "build", "config", "sdkconfig.h");
  const result = join(temporary, "mc.xs.c");
  const definitions = [`IDF_PATH=${temporary}`, `IDF_VERSION=${IDF_VERSION}`];
  const targets = [result, join(temporary, "mc.resources.c")];
  run("make", ["-f", makefile, ...definitions, "-o", sdkconfig, ...targets], context);
  return { result, temporary };
}

/** The modules of a linked image. What was preloaded has no script left. */
function scriptsOf(image) {
  const lines = image.matchAll(/^\t\{ \w+, NULL, 0, (\(txS1\*\)gxCode\d+|NULL), \d+, NULL, 0, "([^"]+)"/gm);
  return [...lines].map(([, code, name]) => ({ name, isPreloaded: code === "NULL" }));
}

/** Rooms of an image, by the names of their modules; what is of none is the platform's. The product's own modules are its firmware. */
const ROOMS = [
  ["SDK", /^(sdk\/|everfull$)/],
  ["HAL", /^(hal|everfull\/(hal|sensors|platform))(\/|$)/],
  ["firmware", /^(firmware|everfull\/firmware|product)\//],
  ["codec (cbor-x)", /^cbor-x(\/|$)/],
  ["crypto (tweetnacl)", /^tweetnacl(\/|$)/],
];
const PLATFORM = "platform (Moddable)";
const OURS = /^(sdk|hal|firmware|everfull|product)(\/|$)/;

/**
 * A module that is not preloaded takes RAM for its functions at every start, and nothing says so: mcconfig expands wildcards in `preload` for JavaScript
 * modules only.
 */
function checkPreloaded(scripts) {
  const missing = scripts.filter(({ name, isPreloaded }) => !isPreloaded && OURS.test(name));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(", ");
  throw new Failure(`not preloaded: ${names}; name them under "preload" in the manifest that has them`);
}

/**
 * Bytes of bytecode of each module by its name: the CODE atom of the compiled module. An .xsb file is one atom of atoms, each with its size, itself included, and
 * its name in 4 bytes each.
 */
function bytecode(scripts, modules) {
  const sizes = new Map();
  for (const { name } of scripts) {
    // The file of `embedded:io/digital` lies in `~.embedded`.
    const file = join(modules, `${name.replace(/^(\w+):/, "~.$1/")}.xsb`);
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    for (let at = 8; at + 8 <= bytes.length; at += bytes.readUInt32BE(at))
      if (bytes.toString("latin1", at + 4, at + 8) === "CODE")
        sizes.set(name, (sizes.get(name) ?? 0) + bytes.readUInt32BE(at) - 8);
  }
  return sizes;
}

/** The same by room. */
function byRoom(sizes) {
  const rooms = new Map([...ROOMS.map(([room]) => [room, 0]), [PLATFORM, 0]]);
  for (const [name, size] of sizes) {
    const room = ROOMS.find(([, pattern]) => pattern.test(name))?.[0] ?? PLATFORM;
    rooms.set(room, rooms.get(room) + size);
  }
  return rooms;
}

async function main() {
  const options = parse(process.argv.slice(2));
  const product = productOf(options.product);
  const { advice } = await checkedConfiguration(product.folder, product.manifest, options.settings);
  // As rated: what a device measures is told by the simulator.
  for (const text of advice) console.log(`moddable: advice: ${text}`);
  const { MODDABLE } = process.env;
  if (!MODDABLE) {
    console.log(
      `moddable: skipped ${options.platform}: MODDABLE is not set; install the Moddable SDK and set it, see ${GETTING_STARTED}`,
    );
    return;
  }
  const tools = join(MODDABLE, "build", "bin", TOOLS[process.platform] ?? "lin", "release");
  if (!existsSync(tools))
    throw new Failure(
      `MODDABLE: the SDK's tools were not found in ${tools}; build them, see ${GETTING_STARTED}`,
    );
  // The project's own TypeScript first: the SDK needs version 6 or newer.
  const path = [join(root, "node_modules", ".bin"), tools, process.env.PATH].join(delimiter);
  const context = { product, env: { ...process.env, PATH: path }, verbose: options.verbose };
  // mcconfig does not make it.
  mkdirSync(options.out, { recursive: true });
  const begun = Date.now();
  const build = options.platform === "lin" ? buildSimulator : linkEsp32;
  const { result, temporary } = build(options, context);
  const image = readFileSync(join(temporary, "mc.xs.c"), "utf8");
  const scripts = scriptsOf(image);
  // The simulator has RAM enough, and its `embedded:storage/files` cannot be preloaded, nor what imports it.
  if (options.platform !== "lin") checkPreloaded(scripts);
  const sizes = bytecode(scripts, join(temporary, "modules"));
  const slots = /^#define mxHeapCount (\d+)/m.exec(image)?.[1];
  console.log(
    `moddable: ${product.name} for ${options.platform} in ${((Date.now() - begun) / 1000).toFixed(1)} s`,
  );
  console.log(`  ${result} (${statSync(result).size} bytes)`);
  console.log("  bytecode by room, in bytes:");
  for (const [room, size] of byRoom(sizes)) console.log(`  ${String(size).padStart(9)}  ${room}`);
  if (options.modules) {
    const ours = [...sizes].filter(([name]) => OURS.test(name)).sort((a, b) => b[1] - a[1]);
    for (const [name, size] of ours) console.log(`    ${name}: ${size}`);
  }
  console.log(`  preloaded objects: ${slots} slots, of 16 bytes each on a 32-bit chip`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Failure || error instanceof Refused)) throw error;
  console.error(`moddable: ${error.message}`);
  process.exitCode = 1;
}
