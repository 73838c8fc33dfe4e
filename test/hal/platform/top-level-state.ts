import { type Node, parse } from "acorn";
import { fullAncestor } from "acorn-walk";
import { type AnyNode, isShadowed, namesDeclaredIn } from "./syntax.js";

/*
 * Finds state that a module keeps at its top level. A device module is in flash: some of it cannot be changed there, the rest costs RAM for ever and makes two instances
 * share what should be each one's own. It reads compiled modules, where there are no types.
 */

/** One finding. */
export interface Finding {
  readonly line: number;
  /** The binding. */
  readonly name: string;
  readonly what: string;
}

const COLLECTIONS =
  /^(Map|Set|WeakMap|WeakSet|ArrayBuffer|SharedArrayBuffer|DataView|(Big)?(Ui|I)nt(8|16|32|64)(Clamped)?Array|Float(16|32|64)Array)$/;
/** Methods that change what they are called on. */
const CHANGES =
  /^(set|add|delete|clear|push|pop|shift|unshift|splice|sort|reverse|fill|copyWithin|set(Ui|I)nt\d+|set(BigUi|BigI)nt64|setFloat\d+|set(UTC)?(Date|FullYear|Hours|Milliseconds|Minutes|Month|Seconds)|setTime|useBuffer|resize|transfer)$/;
/** Reading them takes nothing of the collection to where it could be changed. */
const READS =
  /^(get|has|at|indexOf|lastIndexOf|includes|join|slice|subarray|size|length|byteLength|get(Ui|I)nt\d+|forEach|some|every|find|findIndex|findLast|reduce|map|filter|keys|values|entries)$/;
const OBJECT_CHANGES = /^(assign|defineProperty|defineProperties|setPrototypeOf)$/;

/** State at the top level of a module, from its first line on. What is done while the module is loaded is none: it is done before it is in flash. */
export function topLevelState(script: string): Finding[] {
  const program = parse(script, {
    ecmaVersion: "latest",
    sourceType: "module",
    locations: true,
  }) as unknown as AnyNode;
  const findings: Finding[] = [];
  const find = (node: AnyNode, name: string, what: string) =>
    findings.push({ line: node.loc!.start.line, name, what });
  /** Bindings that are collections or buffers: nothing but reading is allowed. */
  const collections = new Set<string>();
  for (const statement of program.body) declared(statement, collections, find);
  const top = namesDeclaredIn(program.body);
  fullAncestor(program as Node, (node, _, ancestors) =>
    check(node as AnyNode, ancestors as AnyNode[], top, collections, find),
  );
  return findings.sort((a, b) => a.line - b.line);
}

type Find = (node: AnyNode, name: string, what: string) => void;

/** What is wrong with a statement at the top level by itself. */
function declared(statement: AnyNode, collections: Set<string>, find: Find): void {
  const declaration: AnyNode = statement.declaration ?? statement;
  if (declaration.type !== "VariableDeclaration") return;
  for (const { id, init } of declaration.declarations as AnyNode[]) {
    const name = id.name ?? "a pattern";
    if (declaration.kind !== "const") find(id, name, `is a ${declaration.kind}`);
    const kind = kindOf(init);
    if (kind === "collection") {
      collections.add(name);
      if (statement.type === "ExportNamedDeclaration")
        find(id, name, "is a collection or buffer that is exported");
    } else if (kind !== undefined) find(id, name, kind);
  }
}

/** What a value at the top level keeps, if that is state. */
function kindOf(value: AnyNode | null): "collection" | string | undefined {
  if (value?.type === "NewExpression") {
    const name = value.callee.name ?? "";
    if (COLLECTIONS.test(name)) return "collection";
    return /Error$|^(RegExp|Date|Proxy)$/.test(name) ? undefined : `is an instance of ${name || "a class"}`;
  }
  if (value?.type === "Literal" && /[gy]/.test(value.regex?.flags ?? ""))
    return "is a regular expression that keeps its place";
  if (value?.type !== "CallExpression") return undefined;
  const { callee } = value;
  if (callee.type === "MemberExpression" && COLLECTIONS.test(callee.object.name ?? "")) return "collection";
  if (/^(Arrow)?Function/.test(callee.type)) {
    const keeps = assignsOwn(callee);
    if (keeps) return `is a closure that keeps ${keeps}`;
  }
  return undefined;
}

/** A `let` of a function that a function within it changes. */
function assignsOwn(outer: AnyNode): string | undefined {
  const own = new Set<string>();
  let found: string | undefined;
  fullAncestor(outer as Node, (node) => {
    const { type, kind, declarations } = node as AnyNode;
    if (type === "VariableDeclaration" && kind === "let")
      for (const { id } of declarations) if (id.name) own.add(id.name);
  });
  fullAncestor(outer as Node, (node, _, ancestors) => {
    const target = changed(node as AnyNode);
    const functions = ancestors.filter(({ type }) => /Function/.test(type)).length;
    if (functions > 1 && target?.type === "Identifier" && own.has(target.name)) found ??= target.name;
  });
  return found;
}

/** What a node assigns to or deletes. */
function changed(node: AnyNode): AnyNode | undefined {
  if (node.type === "AssignmentExpression") return node.left;
  if (node.type === "UpdateExpression") return node.argument;
  return node.type === "UnaryExpression" && node.operator === "delete" ? node.argument : undefined;
}

function check(
  node: AnyNode,
  ancestors: readonly AnyNode[],
  top: ReadonlySet<string>,
  collections: ReadonlySet<string>,
  find: Find,
): void {
  if (!ancestors.some(isLater)) {
    held(node, ancestors, find);
    return;
  }
  /** The binding at the top level that a chain of members begins with. */
  const rootOf = (chain: AnyNode): string | undefined => {
    let root = chain;
    while (root.type === "MemberExpression" || root.type === "ChainExpression")
      root = root.type === "MemberExpression" ? root.object : root.expression;
    if (root.type === "Identifier" && top.has(root.name) && !isShadowed(root.name, ancestors))
      return root.name;
    return root.type === "ThisExpression" ? staticOwner(ancestors) : undefined;
  };
  for (const target of targetsOf(changed(node))) {
    if (target.type !== "MemberExpression") continue;
    if (isOfConstructor(target)) find(node, "constructor", "has a static member that is written");
    const name = rootOf(target);
    if (name !== undefined) find(node, name, "is written");
  }
  if (node.type === "CallExpression" && node.callee.type === "MemberExpression" && !node.callee.computed) {
    const { object, property } = node.callee;
    const name = rootOf(object);
    // A class of its own has methods of these names too; only what is no function of the module's can be changed by them.
    if (
      name !== undefined &&
      CHANGES.test(property.name ?? "") &&
      (collections.has(name) || !isStaticCall(object))
    )
      find(node, name, `is changed by ${property.name}`);
    if (/^(Object|Reflect)$/.test(object.name ?? "") && OBJECT_CHANGES.test(property.name ?? "")) {
      const first = node.arguments[0] && rootOf(node.arguments[0]);
      if (first !== undefined) find(node, first, `is changed by ${object.name}.${property.name}`);
    }
  }
  if (node.type === "Identifier" && collections.has(node.name) && !isShadowed(node.name, ancestors)) {
    const parent = ancestors.at(-2)!;
    if (!isRead(node, parent)) find(node, node.name, "is a collection or buffer that is handed on");
  }
}

/** What is in here runs after the module was loaded: a function, or a field of an instance. */
function isLater({ type, static: isStatic }: AnyNode): boolean {
  return /Function/.test(type) || (type === "PropertyDefinition" && !isStatic);
}

/** A collection or an instance that a constant or a static member holds within it. */
function held(node: AnyNode, ancestors: readonly AnyNode[], find: Find): void {
  if (node.type !== "NewExpression" || ancestors.slice(0, -1).some(({ type }) => type === "NewExpression"))
    return;
  const kind = kindOf(node);
  const holder = ancestors.findLast(
    ({ type }) => type === "VariableDeclarator" || type === "PropertyDefinition",
  );
  // The value of a constant itself is looked at where it is declared.
  if (kind === undefined || !holder || (holder.type === "VariableDeclarator" && holder.init === node)) return;
  find(
    node,
    holder.id?.name ?? holder.key.name,
    kind === "collection" ? "holds a collection or buffer" : `holds what ${kind}`,
  );
}

/** The targets of an assignment, those of a pattern each. */
function targetsOf(target: AnyNode | undefined): AnyNode[] {
  switch (target?.type) {
    case undefined:
      return [];
    case "ObjectPattern":
      return target!.properties.flatMap((property: AnyNode) =>
        targetsOf(property.value ?? property.argument),
      );
    case "ArrayPattern":
      return target!.elements.flatMap((element: AnyNode | null) => targetsOf(element ?? undefined));
    case "AssignmentPattern":
      return targetsOf(target!.left);
    case "RestElement":
      return targetsOf(target!.argument);
    default:
      return [target!];
  }
}

/** `instance.constructor.member`. */
function isOfConstructor({ object }: AnyNode): boolean {
  return object.type === "MemberExpression" && object.property.name === "constructor";
}

/** `Name.method()`, where the name is a class or namespace as names begin there, rather than a constant. */
function isStaticCall(object: AnyNode): boolean {
  return object.type === "Identifier" && /^[A-Z]\w*[a-z]/.test(object.name);
}

/** The class in whose static method or initializer `this` stands. */
function staticOwner(ancestors: readonly AnyNode[]): string | undefined {
  for (let at = ancestors.length - 1; at > 0; at--) {
    const node = ancestors[at]!;
    if (node.type === "StaticBlock" || (node.type === "MethodDefinition" && node.static))
      return (
        (ancestors.slice(0, at).findLast(({ type }) => /^Class(Declaration|Expression)$/.test(type))?.id
          ?.name as string) ?? "a class"
      );
    // A function has a `this` of its own, unless it is a method's.
    if (/^Function/.test(node.type) && ancestors[at - 1]!.type !== "MethodDefinition") return undefined;
    if (node.type === "MethodDefinition" || node.type === "PropertyDefinition") return undefined;
  }
  return undefined;
}

/** Whether a collection is only read where it is named. */
function isRead(node: AnyNode, parent: AnyNode): boolean {
  switch (parent.type) {
    case "VariableDeclarator":
      return parent.id === node;
    case "MemberExpression":
      // What changes it is found as a change.
      return (
        parent.object === node &&
        (parent.computed || READS.test(parent.property.name) || CHANGES.test(parent.property.name))
      );
    case "SpreadElement":
    case "ForOfStatement":
    case "BinaryExpression":
      return true;
    default:
      return false;
  }
}
