// `pnpm mutants [suite…]`: breaks Memory in one way for each law, and shows that this law notices and no other does.
import { laws, Patience, suites, verdicts } from "@evolvent/testing/conformance"
import type { Law, Suites } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import type * as Memory from "evolvent/Memory"
import { aggregate } from "./aggregate.ts"
import { bus } from "./bus.ts"
import { checkpointStore } from "./checkpointStore.ts"
import { eventStore } from "./eventStore.ts"
import { on } from "./Mutant.ts"
import type { Mutant, Mutants } from "./Mutant.ts"
import { processor } from "./processor.ts"
import { readModelStore } from "./readModelStore.ts"
import { snapshotStore } from "./snapshotStore.ts"

const mutants: Mutants = {
  EventStore: eventStore,
  SnapshotStore: snapshotStore,
  CheckpointStore: checkpointStore,
  ReadModelStore: readModelStore,
  Aggregate: aggregate,
  Processor: processor,
  Bus: bus
}

const keyOf = (law: string): string => law.split(" ", 2).join(" ")

/** What became of one mutant: the problems, none when its law and only its law noticed. */
interface Outcome {
  readonly mutant: Mutant
  readonly problems: ReadonlyArray<string>
  readonly caught: boolean
  readonly millis: number
}

const judge = Effect.fnUntraced(function* (all: ReadonlyArray<Law<Memory.Services>>, mutant: Mutant) {
  const start = performance.now()
  const found = yield* verdicts(all, on(mutant.by), { concurrency: 8 })
  const broken = found.flatMap((one) => (one.broken === undefined ? [] : [one.broken]))
  const caught = broken.some(({ law }) => keyOf(law) === mutant.law)
  const tied = new Set([mutant.law, ...(mutant.also ?? [])])
  const others = broken.filter(({ law }) => !tied.has(keyOf(law)))
  const quiet = (mutant.also ?? []).filter((law) => !broken.some((one) => keyOf(one.law) === law))
  const problems = [
    ...(caught ? [] : ["it survived"]),
    ...others.map(({ message }) => `it also broke ${message}`),
    ...quiet.map((law) => `it does not break ${law}, as it says`)
  ]
  return { mutant, problems, caught, millis: performance.now() - start } satisfies Outcome
})

const matches = (suite: string, words: ReadonlyArray<string>): boolean =>
  words.length === 0 || words.some((word) => suite.toLowerCase().startsWith(word.toLowerCase().replace(/s$/, "")))

const judgeSuite = Effect.fnUntraced(function* (suite: keyof Suites) {
  const all: ReadonlyArray<Law<Memory.Services>> = laws[suite]
  const itself = (yield* verdicts(all, on({}), { concurrency: 8 })).flatMap(({ broken }) => broken ?? [])
  // A mutant says nothing while Memory itself is broken.
  if (itself.length > 0) {
    return { outcomes: [], problems: itself.map(({ message }) => `Memory itself breaks ${message}`) }
  }
  const problems: Array<string> = []
  for (const { id } of all) {
    if (!mutants[suite].some(({ law }) => law === keyOf(id))) problems.push(`no mutant for ${id}`)
  }
  for (const { law } of mutants[suite]) {
    if (!all.some(({ id }) => keyOf(id) === law)) problems.push(`a mutant for ${law}, which is no law`)
  }
  const outcomes = yield* Effect.forEach(mutants[suite], (mutant) => judge(all, mutant), { concurrency: 4 })
  return { outcomes, problems }
})

const begin = performance.now()
const chosen = suites.filter((suite) => matches(suite, process.argv.slice(2)))
const problems: Array<string> = []
let count = 0
let caught = 0
for (const suite of chosen) {
  const judged = await Effect.runPromise(Effect.provideService(judgeSuite(suite), Patience, "500 millis"))
  problems.push(...judged.problems)
  for (const { caught: isCaught, millis, mutant, problems: found } of judged.outcomes) {
    count += 1
    if (isCaught) caught += 1
    const verdict = isCaught ? "caught" : "SURVIVED"
    const also = mutant.also === undefined ? "" : ` (with ${mutant.also.join(", ")})`
    console.log(
      `${mutant.law.padEnd(20)} ${verdict.padEnd(9)} ${`${Math.round(millis)} ms`.padStart(8)}  ${mutant.breaks}${also}`
    )
    problems.push(...found.map((problem) => `${mutant.law}, ${mutant.breaks}: ${problem}`))
  }
}
for (const problem of problems) console.log(`\n${problem}`)
const seconds = ((performance.now() - begin) / 1000).toFixed(1)
const what = count === 0 ? "no suite of that name" : `${caught} of ${count} mutants caught, ${problems.length} problems`
console.log(`\nmutants: ${what} in ${seconds} s`)
process.exitCode = count === 0 || problems.length > 0 ? 1 : 0
