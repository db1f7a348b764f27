// What the public modules export: names, signatures and docstrings, with re-exports followed to where things are declared.
import { join, relative, sep } from "node:path"
import ts from "typescript-6"
import type { Module } from "./modules.ts"
import { namedBy } from "./named.ts"
import { signatureOf, tidy } from "./signature.ts"

/** Something that a module exports. */
export interface Exported {
  readonly name: string
  /** Its declaration's file, from the root, and the line there. */
  readonly path: string
  readonly line: number
  readonly signature: string
  /** The text of its doc comment without the stars; undefined when it has none. */
  readonly docstring: string | undefined
  /** There is nothing of it at run time. */
  readonly isType: boolean
  /** The names of its members, where it is an interface or a class. */
  readonly members: ReadonlyArray<string>
  /** Two exports that are one thing have one identity. */
  readonly identity: ts.Symbol
}

/** A module and what it exports, in the order of its file. */
export interface ModuleExports {
  readonly module: Module
  /** Names of other modules are all that it exports, so that it needs no page. */
  readonly isBarrel: boolean
  readonly exports: ReadonlyArray<Exported>
  /** The signatures of types that those of its exports name, and that nothing exports. */
  readonly named: ReadonlyArray<string>
}

/** The text of a doc comment without its stars. */
const plain = (comment: string): string =>
  comment
    .slice(3, -2)
    .split(/\r?\n/)
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim()

const docstringOf = (declarations: ReadonlyArray<ts.Declaration>): string | undefined => {
  for (const declaration of declarations) {
    const comment = ts.getJSDocCommentsAndTags(declaration).findLast(ts.isJSDoc)
    if (comment !== undefined) return plain(comment.getText())
  }
  return undefined
}

const membersOf = (declarations: ReadonlyArray<ts.Declaration>, checker: ts.TypeChecker): ReadonlyArray<string> =>
  declarations.flatMap((each) => {
    if (!ts.isInterfaceDeclaration(each) && !ts.isClassDeclaration(each)) return []
    const own = checker.getPropertiesOfType(checker.getTypeAtLocation(each))
    // What an Effect service does is not on its class but in there.
    const service = own.find(({ name }) => name === "Service")
    const inside = service === undefined ? [] : checker.getPropertiesOfType(checker.getTypeOfSymbol(service))
    return [...own, ...inside].map(({ name }) => name)
  })

const optionsOf = (root: string): ts.CompilerOptions => {
  const host: ts.ParseConfigFileHost = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, "\n"))
    }
  }
  const parsed = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.base.json"), {}, host)
  const { tsBuildInfoFile: _, rootDir: __, outDir: ___, ...options } = parsed?.options ?? {}
  return { ...options, composite: false, incremental: false, noEmit: true }
}

/** Reads the modules with the compiler, by the settings of the root's `tsconfig.base.json`. */
export const readExports = async (
  root: string,
  modules: ReadonlyArray<Module>
): Promise<ReadonlyArray<ModuleExports>> => {
  const files = modules.map(({ path }) => join(root, path))
  const program = ts.createProgram(files, optionsOf(root))
  const checker = program.getTypeChecker()
  const found = modules.map((module) => {
    const file = program.getSourceFile(join(root, module.path))
    const symbol = file === undefined ? undefined : checker.getSymbolAtLocation(file)
    const all = (symbol === undefined ? [] : checker.getExportsOfModule(symbol))
      .map((each) => ({
        name: each.name,
        at: each.declarations?.find((node) => node.getSourceFile() === file)?.getStart() ?? Infinity,
        target: (each.flags & ts.SymbolFlags.Alias) === 0 ? each : checker.getAliasedSymbol(each)
      }))
      .sort((a, b) => a.at - b.at)
    const things = all.filter(({ target }) => (target.flags & ts.SymbolFlags.ValueModule) === 0)
    return { module, things, isBarrel: all.length > 0 && things.length === 0 }
  })
  const exported = new Set(found.flatMap(({ things }) => things.map(({ target }) => target)))

  const read = async ({ name, target }: { readonly name: string; readonly target: ts.Symbol }): Promise<Exported> => {
    const declarations = target.declarations ?? []
    const [first] = declarations
    if (first === undefined) throw new Error(`"${name}" is exported, and declared nowhere`)
    const source = first.getSourceFile()
    return {
      name,
      path: relative(root, source.fileName).split(sep).join("/"),
      line: source.getLineAndCharacterOfPosition(first.getStart()).line + 1,
      signature: await tidy(signatureOf(name, declarations, checker)),
      docstring: docstringOf(declarations),
      isType: declarations.every((each) => ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)),
      members: membersOf(declarations, checker),
      identity: target
    }
  }

  return Promise.all(
    found.map(async ({ module, things, isBarrel }): Promise<ModuleExports> => {
      const exports = await Promise.all(things.map(read))
      const targets = things.map(({ target }) => target)
      const named = await Promise.all(
        namedBy(targets, (symbol) => exported.has(symbol), checker).map((symbol) =>
          tidy(signatureOf(symbol.name, symbol.declarations ?? [], checker))
        )
      )
      // What an export is another name for was told as that export.
      const told = new Set(exports.map(({ signature }) => signature))
      const isTold = (signature: string) => [...told].some((one) => one === signature || one.endsWith(`\n${signature}`))
      return { module, isBarrel, exports, named: [...new Set(named)].filter((signature) => !isTold(signature)) }
    })
  )
}
