import type { Node } from "acorn";

// biome-ignore lint/suspicious/noExplicitAny: the node types of acorn are a union that cannot be narrowed by parent
export type AnyNode = Node & Record<string, any>;

/** Whether a name means something else here than at the top level of the module. @param ancestors from the program to the node */
export function isShadowed(name: string, ancestors: readonly AnyNode[]): boolean {
  return ancestors.slice(1).some((scope) => namesOfScope(scope).has(name));
}

const scopes = new WeakMap<AnyNode, Set<string>>();

/** Names that a scope within a module declares. */
function namesOfScope(scope: AnyNode): Set<string> {
  let names = scopes.get(scope);
  if (names) return names;
  names = new Set<string>();
  if (/Function/.test(scope.type))
    for (const parameter of scope.params) for (const name of boundBy(parameter)) names.add(name);
  if (/(Function|Class)Expression/.test(scope.type) && scope.id) names.add(scope.id.name);
  if (scope.type === "BlockStatement" || scope.type === "StaticBlock")
    for (const name of namesDeclaredIn(scope.body)) names.add(name);
  if (/^For/.test(scope.type))
    for (const name of namesDeclaredIn([scope.init ?? scope.left].filter(Boolean))) names.add(name);
  if (scope.type === "SwitchStatement")
    for (const { consequent } of scope.cases) for (const name of namesDeclaredIn(consequent)) names.add(name);
  if (scope.type === "CatchClause") for (const name of boundBy(scope.param)) names.add(name);
  scopes.set(scope, names);
  return names;
}

/** Names that statements declare, imports and exports included. */
export function namesDeclaredIn(statements: readonly AnyNode[]): Set<string> {
  const names = new Set<string>();
  for (const statement of statements) {
    const declaration: AnyNode = statement.declaration ?? statement;
    if (statement.type === "ImportDeclaration")
      for (const { local } of statement.specifiers) names.add(local.name);
    else if (declaration.type === "VariableDeclaration")
      for (const { id } of declaration.declarations) for (const name of boundBy(id)) names.add(name);
    else if (/^(Function|Class)Declaration$/.test(declaration.type) && declaration.id)
      names.add(declaration.id.name);
  }
  return names;
}

/** Names that a pattern binds. */
function boundBy(pattern: AnyNode | null | undefined): string[] {
  switch (pattern?.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property: AnyNode) => boundBy(property.value ?? property.argument));
    case "ArrayPattern":
      return pattern.elements.flatMap(boundBy);
    case "AssignmentPattern":
      return boundBy(pattern.left);
    case "RestElement":
      return boundBy(pattern.argument);
    default:
      return [];
  }
}
