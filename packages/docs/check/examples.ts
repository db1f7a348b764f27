// Checks every TypeScript block of the documents: it compiles as a user's module would, and its `// =>` hold.
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Assertion, instrument } from "./assertions.ts"
import { type Block, extract, type Problem } from "./blocks.ts"
import { runModules } from "./run-modules.ts"
import { readFiles, root, type SourceFile, tool } from "./workspace.ts"

/** What was checked, and what is wrong with it. */
export interface Outcome {
  readonly problems: ReadonlyArray<Problem>
  readonly blocks: number
  readonly assertions: number
}

/** A block with the module that it became. */
interface Example {
  readonly block: Block
  /** The module's path below each of the two folders, the one for types and the one for running. */
  readonly path: string
  readonly assertions: ReadonlyArray<Assertion>
  readonly runnable: string
}

/** The documents of the workspace. */
export const documents = (): ReadonlyArray<SourceFile> =>
  readFiles("README.md", "packages/*/README.md", "packages/docs/guide/*.md", "packages/*/src/**/*.ts")

/** Where the modules are written: inside a package, so that they import what a user's module would. */
export const scratch = "packages/docs/.examples"

// The library's own flags but one: an example may show a name that it does not use.
const tsconfig = {
  extends: "../../../../tsconfig.base.json",
  compilerOptions: {
    composite: false,
    noEmit: true,
    incremental: true,
    rootDir: "../../../..",
    tsBuildInfoFile: "types.tsbuildinfo",
    noUnusedLocals: false,
    noUnusedParameters: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true
  },
  include: ["types"],
  references: ["core", "testing", "postgres", "embedded-postgres", "nats-server", "nats"].map((name) => ({
    path: `../../../${name}`
  }))
}

/** Checks documents; `name` is the folder of their modules, so that two checks do not share one. */
export const checkExamples = async (name: string, files: ReadonlyArray<SourceFile>): Promise<Outcome> => {
  const folder = join(root, scratch, name)
  rmSync(folder, { recursive: true, force: true })
  const extracted = files.map(extract)
  const problems = extracted.flatMap((each) => each.problems)
  const examples: Array<Example> = []
  for (const block of extracted.flatMap(({ blocks }) => blocks)) {
    const path = `${block.path.replaceAll(/[^\w.-]+/g, "_")}/${block.file ?? `line-${block.line}.ts`}`
    if (examples.some((each) => each.path === path)) {
      problems.push({ path: block.path, line: block.line, message: `there is a ${block.file} above already` })
      continue
    }
    const { code, assertions, problems: unchecked } = instrument(block.code)
    problems.push(...unchecked.map(({ line, message }) => at(block, line, message)))
    examples.push({ block, path, assertions, runnable: code })
  }
  const write = (path: string, text: string) => {
    mkdirSync(join(folder, path, ".."), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  write("tsconfig.json", JSON.stringify(tsconfig))
  for (const { block, path, runnable } of examples) {
    write(join("types", path), block.code)
    write(join("run", path), runnable)
  }
  if (examples.length > 0) problems.push(...(await typeProblems(name, examples)))
  problems.push(...(await runProblems(folder, examples)))
  return {
    problems: problems.toSorted((a, b) => a.path.localeCompare(b.path) || a.line - b.line),
    blocks: examples.length,
    assertions: examples.reduce((sum, { assertions }) => sum + assertions.length, 0)
  }
}

const at = (block: Block, line: number, message: string): Problem => ({
  path: block.path,
  line: block.line + line - 1,
  message
})

/** One run of the compiler over all blocks; what it says about a module is said about the block's line. */
const typeProblems = async (name: string, examples: ReadonlyArray<Example>): Promise<ReadonlyArray<Problem>> => {
  const { code, output } = await tool("typescript", ["-b", "--pretty", "false", `${scratch}/${name}`])
  if (code === 0) return []
  const modules = new Map(examples.map((example) => [`${scratch}/${name}/types/${example.path}`, example]))
  const problems: Array<{ path: string; line: number; message: string }> = []
  for (const text of output.split(/\r?\n/)) {
    const [, path = "", line = "1", message = ""] = /^(\S.*?)\((\d+),\d+\): (.*)$/.exec(text) ?? []
    const example = modules.get(path)
    const last = problems.at(-1)
    if (example !== undefined) problems.push({ ...at(example.block, Number(line), message) })
    else if (path !== "") problems.push({ path, line: Number(line), message })
    else if (/^\s+\S/.test(text) && last !== undefined) last.message += `\n${text}`
    else if (text !== "") problems.push({ path: "tsc", line: 0, message: text })
  }
  return problems
}

/** Runs the blocks that assert something. */
const runProblems = async (folder: string, examples: ReadonlyArray<Example>): Promise<ReadonlyArray<Problem>> => {
  const asserting = examples.filter(({ assertions }) => assertions.length > 0)
  if (asserting.length === 0) return []
  const urlOf = ({ path }: Example) => pathToFileURL(join(folder, "run", path)).href
  const jobs = asserting.map((example) => ({
    module: urlOf(example),
    lines: example.assertions.map(({ line }) => line)
  }))
  const outcomes = await runModules(folder, jobs)
  return asserting.flatMap((example) => {
    const outcome = outcomes.get(urlOf(example))
    const failed = (outcome?.failures ?? []).map(({ line, message }) => at(example.block, line ?? 1, message))
    const unequal = example.assertions.flatMap(({ line, expected }) => {
      const messages = outcome?.reached.get(line)
      if (messages === undefined)
        return failed.length > 0 ? [] : [at(example.block, line, `never came to => ${expected}`)]
      return messages.map((message) => at(example.block, line, message))
    })
    return [...failed, ...unequal]
  })
}

/** One line per problem, as an editor can follow it. */
export const formatProblem = ({ path, line, message }: Problem): string => `${path}:${line}: ${message}`

if (process.argv[1] === import.meta.filename) {
  const { problems, blocks, assertions } = await checkExamples("workspace", documents())
  for (const problem of problems) console.error(formatProblem(problem))
  console.log(`${blocks} blocks, ${assertions} assertions, ${problems.length} problems`)
  process.exitCode = problems.length > 0 ? 1 : 0
}
