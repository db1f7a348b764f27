// Runs modules in a process beside this one and gathers what they report; one that hangs or exits stops no other.
import { spawn } from "node:child_process"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Job, Report } from "./run-examples.ts"
import { root } from "./workspace.ts"

/** What a module did. */
export interface ModuleOutcome {
  /** By line, what each time it was reached did not hold; empty when all held. */
  readonly reached: Map<number, Array<string>>
  readonly failures: Array<{ readonly line: number | undefined; readonly message: string }>
}

const timeout = 20_000

/** Runs the jobs in order; files are written to `folder`. */
export const runModules = async (
  folder: string,
  jobs: ReadonlyArray<Job>
): Promise<ReadonlyMap<string, ModuleOutcome>> => {
  const outcomes = new Map<string, ModuleOutcome>()
  let rest = jobs
  while (rest.length > 0) {
    const { reports, output, ended } = await runProcess(folder, rest)
    for (const entry of reports) gather(outcomes, entry)
    const done = new Set(reports.flatMap((entry) => (entry._tag === "Done" ? [entry.module] : [])))
    const stuck = rest.find(({ module }) => !done.has(module))
    if (stuck !== undefined) {
      const outcome = outcomeOf(outcomes, stuck.module)
      // An example may well end its process, once it has shown everything.
      const complete = stuck.lines.every((line) => outcome.reached.has(line))
      if (!complete) outcome.failures.push({ line: undefined, message: `${ended}${output}` })
    }
    rest = rest.filter(({ module }) => !done.has(module) && module !== stuck?.module)
  }
  return outcomes
}

const runProcess = (folder: string, jobs: ReadonlyArray<Job>) => {
  const jobsPath = join(folder, "jobs.json")
  const reportPath = join(folder, "reports.jsonl")
  writeFileSync(jobsPath, JSON.stringify(jobs))
  rmSync(reportPath, { force: true })
  const program = join(import.meta.dirname, "run-examples.ts")
  return new Promise<{ reports: ReadonlyArray<Report>; output: string; ended: string }>((done) => {
    const child = spawn(process.execPath, [program, jobsPath, reportPath], { cwd: root })
    let output = ""
    let ended = "it ended its process early"
    let seen = 0
    let quiet = 0
    child.stderr.on("data", (chunk: Buffer) => (output += `\n${chunk.toString()}`))
    child.stdout.resume()
    const readReports = (): ReadonlyArray<Report> =>
      existsSync(reportPath)
        ? readFileSync(reportPath, "utf8")
            .split("\n")
            .flatMap((line) => (line === "" ? [] : [JSON.parse(line)]))
        : []
    const watch = setInterval(() => {
      const { length } = readReports()
      quiet = length > seen ? 0 : quiet + 500
      seen = length
      if (quiet < timeout) return
      ended = `it did not end within ${timeout / 1000} s`
      child.kill("SIGKILL")
    }, 500)
    child.on("close", () => {
      clearInterval(watch)
      done({ reports: readReports(), output, ended })
    })
  })
}

const outcomeOf = (outcomes: Map<string, ModuleOutcome>, module: string): ModuleOutcome => {
  const outcome = outcomes.get(module) ?? { reached: new Map<number, Array<string>>(), failures: [] }
  outcomes.set(module, outcome)
  return outcome
}

const gather = (outcomes: Map<string, ModuleOutcome>, entry: Report): void => {
  const { reached, failures } = outcomeOf(outcomes, entry.module)
  if (entry._tag === "Reached") {
    reached.set(entry.line, [
      ...(reached.get(entry.line) ?? []),
      ...(entry.message === undefined ? [] : [entry.message])
    ])
  } else if (entry._tag === "Failed") {
    // The module is run line for line as it was written, so its place in the stack is the block's line.
    const [, after] = entry.stack.split(`${entry.module}:`)
    failures.push({ line: after === undefined ? undefined : Number.parseInt(after, 10), message: entry.stack })
  }
}
