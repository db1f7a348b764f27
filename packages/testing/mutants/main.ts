// `pnpm mutants [suite…] [law…]`: breaks Memory in one way for each law, and shows that this law notices and no other does.
// With `--brief` each mutant meets its own laws only, with `--json` what came of it is one line. A law is named by its number, as in
// `processor 13.2`, or `processor 13` for all that begin so; a number in front of all names is of any suite.
import { laws, suites } from "@evolvent/testing/conformance"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import type { Judged, Outcome } from "./judge.ts"

const begin = performance.now()
const isBrief = process.argv.includes("--brief")
const isJson = process.argv.includes("--json")
const words = process.argv
  .slice(2)
  .filter((word) => !word.startsWith("--"))
  .map((word) => word.toLowerCase().replace(/s$/, ""))
/** Names of suites, each with the numbers that follow it; a number in front of all names is of any. */
const asked: Array<{ readonly word: string; readonly numbers: Array<string> }> = []
for (const word of words) {
  const isNumber = /^\d/.test(word)
  const last = asked.at(-1)
  if (!isNumber) asked.push({ word, numbers: [] })
  else if (last === undefined) asked.push({ word: "", numbers: [word] })
  else last.numbers.push(word)
}
// A relay is a processor, too; its laws are a suite of their own because they need a bus.
const namesOf = (suite: string) => (suite === "Relay" ? [suite, "Processor"] : [suite])
const askedOf = (suite: string) =>
  asked.filter(({ word }) => namesOf(suite).some((name) => name.toLowerCase().startsWith(word)))
const chosen = suites.filter((suite) => asked.length === 0 || askedOf(suite).length > 0)
/** The laws that are asked for by their numbers; none where all of them are. */
const numbersOf = (suite: string): ReadonlyArray<string> => {
  const all = askedOf(suite)
  return all.some(({ numbers }) => numbers.length === 0) ? [] : all.flatMap(({ numbers }) => numbers)
}

const judge = (suite: string): Promise<Judged> =>
  new Promise((done) => {
    const worker = new Worker(new URL("worker.ts", import.meta.url), {
      workerData: { suite, numbers: numbersOf(suite), isBrief }
    })
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
const seconds = ((performance.now() - begin) / 1000).toFixed(1)
const caught = outcomes.filter((one) => one.caught).length
const what =
  chosen.length === 0
    ? `no such suite; there are ${suites.join(", ")}`
    : `${caught} of ${outcomes.length} caught, ${problems.length} problems`
const saying = new Map(
  suites.flatMap((suite) => laws[suite].map(({ id }) => [id.split(" ", 2).join(" "), id] as const))
)
if (isJson) {
  const all = outcomes.map((one) => ({ ...one, says: saying.get(one.law) ?? one.law }))
  console.log(JSON.stringify({ outcomes: all, problems: chosen.length === 0 ? [what] : problems }))
} else {
  outcomes.forEach(print)
  for (const problem of problems) console.log(`\n${problem}`)
  console.log(`\nmutants: ${what} in ${seconds} s`)
}
process.exitCode = chosen.length === 0 || problems.length > 0 ? 1 : 0
