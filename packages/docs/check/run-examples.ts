// A process of its own in which examples run, one after another; it writes what it sees, line by line, to a file.
import { appendFileSync, readFileSync } from "node:fs"
import { format, inspect } from "node:util"
import { matches, printsLike } from "./compare.ts"

/** A module to run. */
export interface Job {
  /** The file URL of the module. */
  readonly module: string
  /** The lines of its assertions, within the module. */
  readonly lines: ReadonlyArray<number>
}

/** What happened: an assertion was reached (and, with a message, did not hold), the module failed, or is done. */
export type Report =
  | { readonly _tag: "Reached"; readonly module: string; readonly line: number; readonly message?: string }
  | { readonly _tag: "Failed"; readonly module: string; readonly stack: string }
  | { readonly _tag: "Started" | "Done"; readonly module: string }

const [jobsPath = "", reportPath = ""] = process.argv.slice(2)
const jobs: ReadonlyArray<Job> = JSON.parse(readFileSync(jobsPath, "utf8"))

// Synchronous, so that nothing is lost when an example ends the process.
const report = (entry: Report) => appendFileSync(reportPath, `${JSON.stringify(entry)}\n`)

let current = ""
const reached = new Set<string>()

// A module says who it is, for it may be imported by the one that is running.
const reach = (module: string, line: number, message: string | undefined) => {
  reached.add(`${module}:${line}`)
  report({ _tag: "Reached", module, line, ...(message === undefined ? {} : { message }) })
}

const show = (value: unknown) => inspect(value, { depth: 8, breakLength: 100 })

Object.defineProperty(globalThis, "__example", {
  value: {
    value: (module: string, line: number, actual: unknown, expected: () => unknown) => {
      const wanted = expected()
      reach(module, line, matches(actual, wanted) ? undefined : `gives ${show(actual)}, not ${show(wanted)}`)
      return actual
    },
    printed: (module: string, line: number, expected: string, ...args: ReadonlyArray<unknown>) => {
      const printed = format(...args)
      reach(module, line, printsLike(printed, expected) ? undefined : `prints ${printed}\ninstead of ${expected}`)
      return args
    }
  }
})

const fail = (error: unknown) =>
  report({
    _tag: "Failed",
    module: current,
    stack: error instanceof Error ? (error.stack ?? String(error)) : show(error)
  })

process.on("unhandledRejection", fail)
process.on("uncaughtException", fail)

const allReached = ({ module, lines }: Job) => lines.every((line) => reached.has(`${module}:${line}`))

for (const job of jobs) {
  const { module } = job
  current = module
  report({ _tag: "Started", module })
  try {
    await import(module)
    // A program that the module started without awaiting it gets a moment to arrive.
    for (let waited = 0; waited < 100 && !allReached(job); waited++) {
      await new Promise((resume) => setTimeout(resume, 20))
    }
  } catch (error) {
    fail(error)
  }
  report({ _tag: "Done", module })
}
process.exit(0)
