import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Comment, type Program, parse } from "acorn";
import { fullAncestor } from "acorn-walk";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { type AnyNode, namesDeclaredIn } from "./syntax.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const DIST = join(ROOT, "dist");
/** Modules of a desktop: on a chip others are in their place, which are preloaded. */
const ENTRY = /^dist\/firmware\/desktop\.js$/;
const OURS = /^(dist\/(sdk|hal|firmware|test)|test)\//;

export interface DeviceLikeOptions {
  /** A module of ours to run; default the firmware for the desktop board. */
  readonly source?: string;
  /** Modules of the manifest that are left out, to see what becomes of a device without them. */
  readonly without?: readonly string[];
}

let prelude: Promise<string> | undefined;

/**
 * The device program for an XS engine that is made like a chip's: modules are those that the manifest maps, functions have no names, what is no global of the
 * device is gone, and once all modules are loaded, they and the built-ins are in flash. Breaking that is a crash of the device.
 */
export async function deviceLike(options: DeviceLikeOptions = {}): Promise<string> {
  prelude ??= bundle({ entryPoints: [fileURLToPath(new URL("./prelude.js", import.meta.url))] });
  const [before, program] = await Promise.all([prelude, bundleOnDevice(options)]);
  return `${before}\n${rewritten(program)}`;
}

/** The program as one script, with the packages as the manifest maps them: as it is on a chip, apart from its board. */
export function bundleOnDevice({ source, without = [] }: DeviceLikeOptions = {}): Promise<string> {
  return bundle({
    ...(source === undefined
      ? {
          entryPoints: [join(DIST, "firmware", "desktop.js")],
          alias: { "product/index": join(DIST, "firmware", "any", "index.js") },
        }
      : { stdin: { contents: source, sourcefile: "test/program.js", resolveDir: DIST } }),
    plugins: [onDevice(without)],
  });
}

async function bundle(what: BuildOptions): Promise<string> {
  const { outputFiles } = await build({
    ...what,
    absWorkingDir: ROOT,
    write: false,
    bundle: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    logLevel: "warning",
  });
  return outputFiles[0]!.text;
}

/** Maps packages as the manifest does. */
function onDevice(without: readonly string[]): Plugin {
  const files = mapped();
  return {
    name: "on-device",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(cbor-x|tweetnacl|everfull\/platform)(\/|$)/ }, ({ path }) => {
        if (without.includes(path)) return { path, namespace: "left-out" };
        const file = files.get(path);
        return file === undefined ? { errors: [{ text: `the manifest maps no ${path}` }] } : { path: file };
      });
      onLoad({ filter: /./, namespace: "left-out" }, () => ({ contents: "" }));
      // On a chip it is a module, where there is no `module` that it could take for CommonJS.
      onLoad({ filter: /nacl-fast\.js$/ }, ({ path }) => ({
        contents: `((module, require) => {${readFileSync(path, "utf8")}\n})();`,
      }));
    },
  };
}

/** Files of the manifest's modules that are not TypeScript of ours: the packages and what adapts them. */
export function mapped(): Map<string, string> {
  const { modules } = JSON.parse(readFileSync(join(ROOT, "manifest.json"), "utf8")) as {
    modules: Record<string, string | readonly string[]>;
  };
  const files = new Map<string, string>();
  for (const [specifier, paths] of Object.entries(modules)) {
    if (!/^(cbor-x|tweetnacl|everfull)/.test(specifier)) continue;
    for (const path of [paths].flat()) {
      if (path.endsWith(".d.ts")) continue;
      const file = join(ROOT, path.replace("$(EVERFULL_NODE_MODULES)", "node_modules"));
      const name = /([^/]*?)(\.js)?$/.exec(path)![1]!;
      files.set(specifier.replace("*", name), file.endsWith(".js") ? file : `${file}.js`);
    }
  }
  return files;
}

/** Insertions into a text, by position. */
type Insertions = [at: number, text: string][];

const HELPERS = "const { nameless: $n, methods: $m, preloaded: $p } = globalThis.everfullPlatform;";

/** Has every function lose its name as it is made, and tells of the values at the top level of modules when all are loaded. */
function rewritten(script: string): string {
  const comments: Comment[] = [];
  const program = parse(script, { ecmaVersion: "latest", sourceType: "script", onComment: comments });
  const body = bodyOf(program);
  const insertions: Insertions = [[body.start, HELPERS]];
  fullAncestor(program, (node, _, ancestors) => {
    if (node.start >= body.start) wrap(node as AnyNode, ancestors as AnyNode[], insertions);
  });
  insertions.push([body.end, `;$p([${topLevel(body.statements, comments).join(",")}]);`]);
  let text = script;
  // From the end, so that positions stay; what goes to the same place goes in the order in which it was found.
  for (const [at, insertion] of insertions
    .map((item, order) => ({ item, order }))
    .sort(later)
    .map(({ item }) => item))
    text = text.slice(0, at) + insertion + text.slice(at);
  return text;
}

interface Ordered {
  readonly item: Insertions[number];
  readonly order: number;
}

function later(a: Ordered, b: Ordered): number {
  return b.item[0] - a.item[0] || b.order - a.order;
}

/** The statements of the one function that a bundle is. */
function bodyOf(program: Program): {
  readonly start: number;
  readonly end: number;
  readonly statements: AnyNode[];
} {
  const last = program.body.at(-1) as AnyNode;
  const block = last.expression.callee.body as AnyNode;
  return { start: block.start + 1, end: block.end - 1, statements: block.body };
}

function wrap(node: AnyNode, ancestors: readonly AnyNode[], insertions: Insertions): void {
  const parent = ancestors.at(-2);
  switch (node.type) {
    case "FunctionExpression":
      // Methods lose their names with their class or object.
      if (parent?.type === "MethodDefinition") return;
      if (parent?.type === "Property" && (parent.method || parent.kind !== "init")) return;
      insertions.push([node.start, "$n("], [node.end, ")"]);
      return;
    case "ArrowFunctionExpression":
    case "ClassExpression":
      insertions.push([node.start, "$n("], [node.end, ")"]);
      return;
    case "ClassDeclaration":
      insertions.push([node.end, `;$n(${node.id.name});`]);
      return;
    case "FunctionDeclaration":
      insertions.push([hoistedTo(node, parent), `$n(${node.id.name});`]);
      return;
    case "ObjectExpression":
      if (
        node.properties.some((property: AnyNode) => property.method || (property.kind ?? "init") !== "init")
      )
        insertions.push([node.start, "$m("], [node.end, ")"]);
  }
}

/** Where a function that is declared can be called first: the begin of its block, behind directives. */
function hoistedTo(node: AnyNode, parent: AnyNode | undefined): number {
  if (!Array.isArray(parent?.body)) return node.end;
  const first = parent.body.find((statement: AnyNode) => statement.directive === undefined);
  return first?.start ?? node.start;
}

/** The bindings of modules, each as the text of a {@link TopLevel}. esbuild writes a comment with the file before each module. */
function topLevel(statements: readonly AnyNode[], comments: readonly Comment[]): string[] {
  const files = comments.filter(({ type, value }) => type === "Line" && /^ [\w./-]+\.m?js$/.test(value));
  const fileOf = (at: number) => files.findLast(({ start }) => start < at)?.value.trim() ?? "";
  return statements.flatMap((statement) => {
    const file = fileOf(statement.start);
    // A desktop's entry is not in flash; what is before the first file is esbuild's own.
    if (file === "" || ENTRY.test(file)) return [];
    return [...namesDeclaredIn([statement])].map(
      (name) => `[${JSON.stringify(`${name} of ${file}`)},${OURS.test(file)},${name}]`,
    );
  });
}
