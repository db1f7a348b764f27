// Judge: runs the laws of a suite on each of its mutants, and says which laws noticed.
import { laws, Patience, verdicts } from "@evolvent/testing/conformance"
import type { Law, LawBroken, Suites } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Memory from "evolvent/Memory"
import { aggregate } from "./aggregate.ts"
import { archive } from "./archive.ts"
import { audit } from "./audit.ts"
import { bus } from "./bus.ts"
import { checkpointStore } from "./checkpointStore.ts"
import { eventStore } from "./eventStore.ts"
import { eventStoreRemove } from "./eventStoreRemove.ts"
import { eventStoreImport } from "./eventStoreImport.ts"
import { eventStoreTruncate } from "./eventStoreTruncate.ts"
import { inbox } from "./inbox.ts"
import { on } from "./Mutant.ts"
import type { Mutant, Mutants } from "./Mutant.ts"
import { countingAppends, countingProcessors, tracing, tracingMessages } from "./observability.ts"
import { managing } from "./processManager.ts"
import { processor } from "./processor.ts"
import { keepingRows } from "./readModelCache.ts"
import { readModelStore } from "./readModelStore.ts"
import { relay } from "./relay.ts"
import { snapshotStore } from "./snapshotStore.ts"

const mutants: Mutants = {
  EventStore: [...eventStore, ...eventStoreTruncate, ...countingAppends, ...eventStoreRemove, ...eventStoreImport],
  SnapshotStore: snapshotStore,
  CheckpointStore: checkpointStore,
  ReadModelStore: readModelStore,
  Aggregate: aggregate,
  Processor: [...processor, ...managing, ...tracing, ...countingProcessors, ...keepingRows],
  Bus: bus,
  Inbox: inbox,
  Relay: [...relay, ...tracingMessages],
  Audit: audit,
  Archive: archive
}

const keyOf = (law: string): string => law.split(" ", 2).join(" ")

const hasNumber = (law: string, numbers: ReadonlyArray<string>): boolean => {
  const own = law.split(" ")[1] ?? ""
  return numbers.length === 0 || numbers.some((number) => own === number || own.startsWith(`${number}.`))
}

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

/** How many mutants and laws run at a time, and with how much patience. */
const haste = { mutants: 3, laws: 8, patience: "500 millis" } as const
// Their laws wait for runners that come and go: in a crowd many would take too long, and each is then looked at again.
const ofProcessors = { mutants: 2, laws: 6, patience: "1 second" } as const
// Each mutant on its own laws alone: a quick look, that says nothing of what else it breaks.
const glance = { mutants: 12, laws: 3, patience: "2 seconds" } as const
type Haste = typeof haste | typeof ofProcessors | typeof glance

/** The laws that break on a mutant, with little patience: most mutants are noticed at once. */
const brokenOn = (all: Laws, by: Mutant["by"], { laws, patience }: Haste) =>
  verdicts(all, on(by), { concurrency: laws }).pipe(
    Effect.map((found) => found.flatMap(({ broken }) => broken ?? [])),
    Effect.provideService(Patience, patience)
  )

/** Whether a law broke because something took too long: that may have been the crowd and not the mutant. */
const isLate = ({ problem }: LawBroken): boolean => problem.includes("within")

/** Which of them break again when there is time and nothing else runs: a busy machine is no broken backend. */
const confirmed = (all: Laws, by: Mutant["by"], suspects: ReadonlyArray<LawBroken>) =>
  verdicts(
    all.filter(({ id }) => suspects.some(({ law }) => law === id)),
    on(by)
  ).pipe(
    Effect.map((found) => found.flatMap(({ broken }) => broken ?? [])),
    Effect.provideService(Patience, "5 seconds")
  )

const judgeOne = Effect.fnUntraced(function* (all: Laws, mutant: Mutant, how: Haste, alone: Semaphore.Semaphore) {
  const start = performance.now()
  const { also = [], breaks, by, law } = mutant
  const tied = new Set([law, ...also])
  const found = yield* brokenOn(all, by, how)
  const late = found.filter((one) => tied.has(keyOf(one.law)) && isLate(one))
  const still = late.length === 0 ? [] : yield* alone.withPermits(1)(confirmed(all, by, late))
  const broken = found.filter((one) => !late.includes(one) || still.some(({ law: id }) => id === one.law))
  const isBroken = (key: string) => broken.some((one) => keyOf(one.law) === key)
  return {
    outcome: { law, breaks, also, caught: isBroken(law), millis: performance.now() - start },
    mutant,
    suspects: broken.filter((one) => !tied.has(keyOf(one.law))),
    quiet: also.filter((key) => !isBroken(key))
  }
})

/** Whether the laws that a mutant is for notice it. */
const glanceAt = Effect.fnUntraced(function* (all: Laws, mutant: Mutant) {
  const start = performance.now()
  const { also = [], breaks, by, law } = mutant
  const tied = new Set([law, ...also])
  const found = yield* brokenOn(
    all.filter(({ id }) => tied.has(keyOf(id))),
    by,
    glance
  )
  const isBroken = (key: string) => found.some((one) => keyOf(one.law) === key)
  return {
    outcome: { law, breaks, also, caught: isBroken(law), millis: performance.now() - start },
    mutant,
    suspects: [],
    quiet: also.filter((key) => !isBroken(key))
  }
})

/** Judges the mutants of a suite, or those of some of its laws; with `isBrief` on their own laws only. */
export const judge = Effect.fnUntraced(function* (
  suite: keyof Suites,
  numbers: ReadonlyArray<string> = [],
  isBrief = false
): Effect.fn.Return<Judged> {
  const all: Laws = laws[suite]
  const how = suite === "Processor" ? ofProcessors : haste
  const alone = Semaphore.makeUnsafe(1)
  const itself = isBrief ? [] : yield* confirmed(all, {}, yield* brokenOn(all, {}, how))
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
  const chosen = mutants[suite].filter(({ law }) => hasNumber(law, numbers))
  const judgeAny = (mutant: Mutant) => (isBrief ? glanceAt(all, mutant) : judgeOne(all, mutant, how, alone))
  const judged = yield* Effect.forEach(chosen, judgeAny, { concurrency: isBrief ? glance.mutants : how.mutants })
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
