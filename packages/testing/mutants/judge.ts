// Judge: runs the laws of a suite on each of its mutants, and says which laws noticed.
import { laws, Patience, verdicts } from "@evolvent/testing/conformance"
import type { Law, LawBroken, Suites } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import type * as Memory from "evolvent/Memory"
import { aggregate } from "./aggregate.ts"
import { bus } from "./bus.ts"
import { checkpointStore } from "./checkpointStore.ts"
import { eventStore } from "./eventStore.ts"
import { eventStoreTruncate } from "./eventStoreTruncate.ts"
import { inbox } from "./inbox.ts"
import { on } from "./Mutant.ts"
import type { Mutant, Mutants } from "./Mutant.ts"
import { managing } from "./processManager.ts"
import { processor } from "./processor.ts"
import { readModelStore } from "./readModelStore.ts"
import { relay } from "./relay.ts"
import { snapshotStore } from "./snapshotStore.ts"

const mutants: Mutants = {
  EventStore: [...eventStore, ...eventStoreTruncate],
  SnapshotStore: snapshotStore,
  CheckpointStore: checkpointStore,
  ReadModelStore: readModelStore,
  Aggregate: aggregate,
  Processor: [...processor, ...managing],
  Bus: bus,
  Inbox: inbox,
  Relay: relay
}

const keyOf = (law: string): string => law.split(" ", 2).join(" ")

/** What became of one mutant. */
export interface Outcome {
  readonly law: string
  readonly breaks: string
  readonly also: ReadonlyArray<string>
  readonly caught: boolean
  readonly millis: number
}

/** What became of the mutants of a suite, and what is not as it should be. */
export interface Judged {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly problems: ReadonlyArray<string>
}

type Laws = ReadonlyArray<Law<Memory.Services>>

/** The laws that break on a mutant, with little patience: most mutants are noticed at once. */
const brokenOn = (all: Laws, by: Mutant["by"]) =>
  verdicts(all, on(by), { concurrency: 8 }).pipe(
    Effect.map((found) => found.flatMap(({ broken }) => broken ?? [])),
    Effect.provideService(Patience, "500 millis")
  )

/** Which of them break again when there is time and nothing else runs: a busy machine is no broken backend. */
const confirmed = (all: Laws, by: Mutant["by"], suspects: ReadonlyArray<LawBroken>) =>
  verdicts(
    all.filter(({ id }) => suspects.some(({ law }) => law === id)),
    on(by)
  ).pipe(
    Effect.map((found) => found.flatMap(({ broken }) => broken ?? [])),
    Effect.provideService(Patience, "5 seconds")
  )

const judgeOne = Effect.fnUntraced(function* (all: Laws, mutant: Mutant) {
  const start = performance.now()
  const { also = [], breaks, by, law } = mutant
  const broken = yield* brokenOn(all, by)
  const isBroken = (key: string) => broken.some((one) => keyOf(one.law) === key)
  const tied = new Set([law, ...also])
  return {
    outcome: { law, breaks, also, caught: isBroken(law), millis: performance.now() - start },
    mutant,
    suspects: broken.filter((one) => !tied.has(keyOf(one.law))),
    quiet: also.filter((key) => !isBroken(key))
  }
})

/** Judges the mutants of a suite. */
export const judge = Effect.fnUntraced(function* (suite: keyof Suites): Effect.fn.Return<Judged> {
  const all: Laws = laws[suite]
  const itself = yield* confirmed(all, {}, yield* brokenOn(all, {}))
  // A mutant says nothing while Memory itself is broken.
  if (itself.length > 0) {
    return { outcomes: [], problems: itself.map(({ message }) => `Memory itself breaks ${message}`) }
  }
  const without = all.filter(({ id }) => !mutants[suite].some(({ law }) => law === keyOf(id)))
  const astray = mutants[suite].filter(({ law }) => !all.some(({ id }) => keyOf(id) === law))
  const problems = [
    ...without.map(({ id }) => `no mutant for ${id}`),
    ...astray.map(({ law }) => `a mutant for ${law}, which is no law`)
  ]
  const judged = yield* Effect.forEach(mutants[suite], (mutant) => judgeOne(all, mutant), { concurrency: 3 })
  for (const { mutant, outcome, quiet, suspects } of judged) {
    const say = (problem: string) => problems.push(`${mutant.law}, ${mutant.breaks}: ${problem}`)
    if (!outcome.caught) say("it survived")
    for (const key of quiet) say(`it does not break ${key}, as it says`)
    if (suspects.length > 0) {
      for (const { message } of yield* confirmed(all, mutant.by, suspects)) say(`it also broke ${message}`)
    }
  }
  return { outcomes: judged.map(({ outcome }) => outcome), problems }
})
