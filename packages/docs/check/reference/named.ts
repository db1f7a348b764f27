// The types that signatures name and nothing exports: a reader of a signature wants to see them all the same.
import ts from "typescript-6"

/** What a name stands for, wherever it is declared. */
export const meant = (name: ts.Node, checker: ts.TypeChecker): ts.Symbol | undefined => {
  const symbol = checker.getSymbolAtLocation(name)
  return symbol !== undefined && (symbol.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(symbol) : symbol
}

/** Whether something is declared here, and not by a package that was installed. */
export const isHere = (node: ts.Declaration): boolean => !node.getSourceFile().fileName.includes("/node_modules/")

/** What stands in a signature: everything but bodies. */
const visitSignature = (node: ts.Node, see: (name: ts.Node) => void): void => {
  if (ts.isTypeReferenceNode(node)) see(node.typeName)
  if (ts.isExpressionWithTypeArguments(node)) see(node.expression)
  ts.forEachChild(node, (child) => {
    const isBody = ts.isBlock(child) || (ts.isArrowFunction(node) && child === node.body && !ts.isArrowFunction(child))
    if (!isBody) visitSignature(child, see)
  })
}

const isType = (node: ts.Declaration): boolean =>
  ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node)

/** What these name that nothing exports, and what that names again, in the order in which a reader comes to it. */
export const namedBy = (
  exported: ReadonlyArray<ts.Symbol>,
  isPublic: (symbol: ts.Symbol) => boolean,
  checker: ts.TypeChecker
): ReadonlyArray<ts.Symbol> => {
  const found = new Set<ts.Symbol>()
  const look = (symbol: ts.Symbol): void => {
    for (const declaration of symbol.declarations ?? []) {
      visitSignature(declaration, (name) => {
        const symbol = meant(name, checker)
        if (symbol === undefined || isPublic(symbol) || found.has(symbol)) return
        if (symbol.declarations?.some((each) => isType(each) && isHere(each)) === true) found.add(symbol)
      })
    }
  }
  exported.forEach(look)
  // A set goes on to what was added while it is walked.
  for (const symbol of found) look(symbol)
  return [...found]
}
