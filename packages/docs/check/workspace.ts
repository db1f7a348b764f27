// Where things are: the root of the workspace, its source files, and the tools that the checks start.
import { spawn } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve, sep } from "node:path"

/** A file of the workspace: its path from the root with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** The root of the workspace, wherever the command was started. */
export const root = resolve(import.meta.dirname, "../../..")

/** Reads the files that match the patterns, sorted by path; what is generated or installed is left out. */
export const readFiles = (...patterns: ReadonlyArray<string>): ReadonlyArray<SourceFile> =>
  globSync([...patterns], { cwd: root, exclude: (name) => /(^|[\\/])(node_modules|dist|\.examples)$/.test(name) })
    .toSorted()
    .map((path) => ({ path: path.split(sep).join("/"), text: readFileSync(join(root, path), "utf8") }))

/** What a started tool said and how it ended. */
export interface Finished {
  readonly code: number
  readonly output: string
}

/** Runs a program, at the root unless told otherwise; its output is collected, so that each step prints as one piece. */
export const run = (
  program: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string | undefined>> = {},
  cwd: string = root
): Promise<Finished> =>
  new Promise((done) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env } })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.on("error", (error) => done({ code: 1, output: `${output}${error.message}\n` }))
    child.on("close", (code) => done({ code: code ?? 1, output }))
  })

const requireFromRoot = createRequire(join(root, "package.json"))

/**
 * Runs the command of an installed package under this same Node.
 * The shims in `.bin` differ between platforms; the file that package.json names does not.
 */
export const tool = (
  packageName: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Promise<Finished> => {
  const manifestPath = join(root, "node_modules", packageName, "package.json")
  const manifest: { readonly bin: string | Readonly<Record<string, string>> } = requireFromRoot(manifestPath)
  const bin = typeof manifest.bin === "string" ? manifest.bin : Object.values(manifest.bin)[0]
  if (bin === undefined) throw new Error(`${packageName} has no command`)
  return run(process.execPath, [join(dirname(manifestPath), bin), ...args], env)
}
