// Reads what a module imports: static, dynamic, type-only and re-exported, from the syntax tree and not by pattern.
import ts from "typescript-6"

/** One import of a module. */
export interface Import {
  /** What is imported, as written; `undefined` where it is computed at run time. */
  readonly specifier: string | undefined
  readonly line: number
  /** Erased before the program runs. */
  readonly typeOnly: boolean
  /** The names taken from it, or `"*"` for all of it. */
  readonly names: ReadonlyArray<string> | "*"
}

/** All imports of a module's text. */
export const readImports = (path: string, text: string): ReadonlyArray<Import> => {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext)
  const found: Array<Import> = []
  const add = (node: ts.Node, specifier: ts.Node | undefined, typeOnly: boolean, names: Import["names"]) =>
    found.push({
      specifier: specifier !== undefined && ts.isStringLiteralLike(specifier) ? specifier.text : undefined,
      line: file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1,
      typeOnly,
      names
    })
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword, imported(node))
    } else if (ts.isExportDeclaration(node)) {
      if (node.moduleSpecifier !== undefined) add(node, node.moduleSpecifier, node.isTypeOnly, reexported(node))
    } else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
      add(node, node.moduleReference.expression, node.isTypeOnly, "*")
    } else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true, "*")
    } else if (ts.isCallExpression(node) && isLoad(node.expression)) {
      add(node, node.arguments[0], false, "*")
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

const isLoad = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === "require")

const imported = ({ importClause }: ts.ImportDeclaration): Import["names"] => {
  if (importClause === undefined) return "*"
  const { name, namedBindings } = importClause
  if (namedBindings !== undefined && ts.isNamespaceImport(namedBindings)) return "*"
  const named = namedBindings?.elements.map((element) => (element.propertyName ?? element.name).text) ?? []
  return name === undefined ? named : ["default", ...named]
}

const reexported = ({ exportClause }: ts.ExportDeclaration): Import["names"] =>
  exportClause !== undefined && ts.isNamedExports(exportClause)
    ? exportClause.elements.map((element) => (element.propertyName ?? element.name).text)
    : "*"
