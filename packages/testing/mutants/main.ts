// `pnpm mutants [suite…] [law…]`: breaks Memory in one way for each law, and shows that this law notices and no other does.
// With `--brief` each mutant meets its own laws only. A law is named by its number, as in `processor 13.2`, or `processor 13` for all that begin so.
import { suites } from "@evolvent/testing/conformance"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import type { Judged, Outcome } from "./judge.ts"

const begin = performance.now()
const isBrief = process.argv.includes("--brief")
const named = process.argv
  .slice(2)
  .filter((word) => !word.startsWith("--"))
  .map((word) => word.toLowerCase().replace(/s$/, ""))
const numbers = named.filter((word) => /^\d/.test(word))
const words = named.filter((word) => !numbers.includes(word))
// A relay is a processor, too; its laws are a suite of their own because they need a bus.
const namesOf = (suite: string) => (suite === "Relay" ? [suite, "Processor"] : [suite])
const chosen = suites.filter(
  (suite) =>
    words.length === 0 || words.some((word) => namesOf(suite).some((name) => name.toLowerCase().startsWith(word)))
)

const judge = (suite: string): Promise<Judged> =>
  new Promise((done) => {
    const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: { suite, numbers, isBrief } })
    const failed = (problem: string) => done({ outcomes: [], problems: [`${suite}: ${problem}`] })
    worker.on("message", done)
    worker.on("error", (error) => failed(String(error)))
    worker.on("exit", () => failed("the thread ended without a word"))
  })

const print = ({ also, breaks, caught, law, millis }: Outcome): void => {
  const verdict = caught ? "caught" : "SURVIVED"
  const ties = also.length === 0 ? "" : ` (with ${also.join(", ")})`
  console.log(`${law.padEnd(20)} ${verdict.padEnd(9)} ${`${Math.round(millis)} ms`.padStart(8)}  ${breaks}${ties}`)
}

// As many threads as cores, each with the next suite; the longest come first.
const longest = ["Processor", "EventStore", "Aggregate", "Bus"]
const rank = (suite: string): number => (longest.includes(suite) ? longest.indexOf(suite) : longest.length)
const queue = chosen.toSorted((a, b) => rank(a) - rank(b))
const judged = new Map<string, Judged>()
const take = async (): Promise<void> => {
  for (let suite = queue.shift(); suite !== undefined; suite = queue.shift()) judged.set(suite, await judge(suite))
}
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, take))

const results = chosen.flatMap((suite) => judged.get(suite) ?? [])
const outcomes = results.flatMap((one) => one.outcomes)
const problems = results.flatMap((one) => one.problems)
outcomes.forEach(print)
for (const problem of problems) console.log(`\n${problem}`)
const seconds = ((performance.now() - begin) / 1000).toFixed(1)
const caught = outcomes.filter((one) => one.caught).length
const what =
  chosen.length === 0
    ? `no such suite; there are ${suites.join(", ")}`
    : `${caught} of ${outcomes.length} caught, ${problems.length} problems`
console.log(`\nmutants: ${what} in ${seconds} s`)
process.exitCode = chosen.length === 0 || problems.length > 0 ? 1 : 0
