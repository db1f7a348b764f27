// The signature of a declaration: its source without the bodies, or its type as the compiler sees it where none is written.
import { format } from "oxfmt"
import ts from "typescript-6"
import { isHere, meant } from "./named.ts"

const typeFlags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope

/** A type that nobody wrote down, with the names that its file knows and no paths. */
const inferred = (node: ts.Node, checker: ts.TypeChecker): string =>
  checker
    .typeToString(checker.getTypeAtLocation(node), node, typeFlags)
    .replaceAll(/(typeof )?import\("[^"]*"\)\./g, "$1")

const written = (node: ts.NamedDeclaration & { readonly type?: ts.TypeNode }, checker: ts.TypeChecker): string =>
  node.type?.getText() ?? inferred(node, checker)

/** A parameter as a type has it: what has a default may be left out, and how it is taken apart is nobody's business. */
const parameter = (node: ts.ParameterDeclaration, checker: ts.TypeChecker): string => {
  const name = ts.isIdentifier(node.name) ? node.name.text : "options"
  const isOptional = node.questionToken !== undefined || node.initializer !== undefined
  return `${node.dotDotDotToken === undefined ? "" : "..."}${name}${isOptional ? "?" : ""}: ${written(node, checker)}`
}

const typeParameters = (node: ts.SignatureDeclaration | ts.ClassDeclaration): string =>
  node.typeParameters === undefined ? "" : `<${node.typeParameters.map((each) => each.getText()).join(", ")}>`

const parameters = (node: ts.SignatureDeclaration, checker: ts.TypeChecker): string =>
  `${typeParameters(node)}(${node.parameters.map((each) => parameter(each, checker)).join(", ")})`

const returned = (node: ts.SignatureDeclaration, checker: ts.TypeChecker): string => {
  if (node.type !== undefined) return node.type.getText()
  const signature = checker.getSignatureFromDeclaration(node)
  if (signature === undefined) return "void"
  const type = checker.typeToString(checker.getReturnTypeOfSignature(signature), node, typeFlags)
  return type.replaceAll(/(typeof )?import\("[^"]*"\)\./g, "$1")
}

/** A function that may return functions, one step after another. */
const arrow = (node: ts.ArrowFunction, checker: ts.TypeChecker): string => {
  const { body } = node
  const result = node.type === undefined && ts.isArrowFunction(body) ? arrow(body, checker) : returned(node, checker)
  return `${parameters(node, checker)} => ${result}`
}

/** Where an export is but another name for what a file beside it declares, that is what a reader wants to see. */
const original = (node: ts.Declaration, checker: ts.TypeChecker): ts.Declaration => {
  if (ts.isVariableDeclaration(node) && node.initializer !== undefined) {
    const { initializer, type } = node
    if (type !== undefined || !ts.isPropertyAccessExpression(initializer)) return node
    const there = meant(initializer, checker)?.valueDeclaration
    return there !== undefined && ts.isVariableDeclaration(there) && isHere(there) ? original(there, checker) : node
  }
  if (ts.isTypeAliasDeclaration(node) && ts.isTypeReferenceNode(node.type) && ts.isQualifiedName(node.type.typeName)) {
    const handedOn = node.type.typeArguments?.map((each) => each.getText()).join() ?? ""
    if (handedOn !== (node.typeParameters?.map(({ name }) => name.text).join() ?? "")) return node
    const there = meant(node.type.typeName, checker)?.declarations?.find(
      (each) => ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)
    )
    return there !== undefined && isHere(there) ? there : node
  }
  return node
}

const variable = (node: ts.VariableDeclaration, name: string, checker: ts.TypeChecker): string => {
  const { initializer } = node
  if (node.type === undefined && initializer !== undefined) {
    if (ts.isArrowFunction(initializer)) return `declare const ${name}: ${arrow(initializer, checker)}`
    // The type of a schema is its source with more brackets.
    const source = initializer.getText()
    if (source.startsWith("Schema.")) return `const ${name} = ${source}`
  }
  return `declare const ${name}: ${written(node, checker)}`
}

const docComment = (node: ts.Node): string => {
  const comment = ts.getJSDocCommentsAndTags(node).findLast(ts.isJSDoc)
  return comment === undefined ? "" : `${comment.getText()}\n`
}

const has = (node: ts.HasModifiers, ...kinds: ReadonlyArray<ts.SyntaxKind>): boolean =>
  node.modifiers?.some(({ kind }) => kinds.includes(kind)) ?? false

/** A member of a class; what it overrides is told by the class that it extends, and what is private by nobody. */
const member = (node: ts.ClassElement, checker: ts.TypeChecker): string => {
  const isHidden =
    (ts.canHaveModifiers(node) &&
      has(node, ts.SyntaxKind.OverrideKeyword, ts.SyntaxKind.PrivateKeyword, ts.SyntaxKind.ProtectedKeyword)) ||
    (node.name !== undefined && ts.isPrivateIdentifier(node.name))
  if (isHidden) return ""
  const isStatic = ts.canHaveModifiers(node) && has(node, ts.SyntaxKind.StaticKeyword) ? "static " : ""
  const name = `${isStatic}${node.name?.getText() ?? ""}`
  if (ts.isMethodDeclaration(node)) {
    return `${docComment(node)}${name}${parameters(node, checker)}: ${returned(node, checker)}\n`
  }
  if (ts.isGetAccessorDeclaration(node)) {
    return `${docComment(node)}${isStatic}readonly ${node.name.getText()}: ${returned(node, checker)}\n`
  }
  if (ts.isPropertyDeclaration(node)) {
    const readonly = has(node, ts.SyntaxKind.ReadonlyKeyword) ? "readonly " : ""
    return `${docComment(node)}${isStatic}${readonly}${node.name.getText()}: ${written(node, checker)}\n`
  }
  return ts.isConstructorDeclaration(node) ? `${docComment(node)}constructor${parameters(node, checker)}\n` : ""
}

const classOf = (node: ts.ClassDeclaration, name: string, checker: ts.TypeChecker): string => {
  const heritage = node.heritageClauses?.map((clause) => clause.getText()).join(" ") ?? ""
  const members = node.members.map((each) => member(each, checker)).join("")
  return `declare class ${name}${typeParameters(node)} ${heritage} {\n${members}}`
}

/** The text of an interface or a type under the name that it is exported by. */
const renamed = (node: ts.InterfaceDeclaration | ts.TypeAliasDeclaration, name: string): string => {
  const text = node.getText()
  const at = node.name.getStart() - node.getStart()
  const before = text.slice(0, at).replace(/^(export )?(declare )?/, "")
  return `${before}${name}${text.slice(at + node.name.text.length)}`
}

const declared = (declaration: ts.Declaration, name: string, checker: ts.TypeChecker): string => {
  const node = original(declaration, checker)
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return renamed(node, name)
  if (ts.isClassDeclaration(node)) return classOf(node, name, checker)
  if (ts.isVariableDeclaration(node)) return variable(node, name, checker)
  if (ts.isFunctionDeclaration(node)) {
    return `declare function ${name}${parameters(node, checker)}: ${returned(node, checker)}`
  }
  throw new Error(
    `${node.getSourceFile().fileName}: "${name}" is a kind of declaration that signature.ts does not know`
  )
}

/** What the compiler sees of a function with overloads is all but its implementation. */
const isImplementation = (node: ts.Declaration, all: ReadonlyArray<ts.Declaration>): boolean =>
  ts.isFunctionDeclaration(node) &&
  node.body !== undefined &&
  all.some((other) => ts.isFunctionDeclaration(other) && other.body === undefined)

/** Tidies a signature as the house writes its source; comments to its authors are left out, and links are plain names. */
export const tidy = async (source: string): Promise<string> => {
  const text = source.replaceAll(/^\s*\/\/.*\n/gm, "").replaceAll(/\{@link ([^}|]+?)(?:\s*\|[^}]*)?\}/g, "`$1`")
  const { code, errors } = await format("signature.ts", text, { printWidth: 120, semi: false, trailingComma: "none" })
  if (errors.length > 0) throw new Error(`This signature does not parse: ${errors[0]?.message ?? ""}\n${text}`)
  return code
    .trimEnd()
    .replaceAll(/^declare /gm, "")
    .replace(/^(class .*) \{\}$/s, "$1")
}

/** The signature of what is exported under a name, which may be a value, a type or both; not yet tidied. */
export const signatureOf = (
  name: string,
  declarations: ReadonlyArray<ts.Declaration>,
  checker: ts.TypeChecker
): string =>
  declarations
    .filter((each) => !isImplementation(each, declarations))
    .map((each) => declared(each, name, checker))
    .join("\n\n")
