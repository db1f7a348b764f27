// simulate: one seed from its first step to its verdict. The same seed does the same again.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import * as EventId from "evolvent/EventId"
import * as Memory from "evolvent/Memory"
import * as randoms from "../src/internal/random.ts"
import type { Random as Chances } from "../src/internal/random.ts"
import * as consumers from "./consumer.ts"
import { ledger } from "./domain.ts"
import * as faultsOf from "./faults.ts"
import type { Fired } from "./faults.ts"
import { check, unrest } from "./laws.ts"
import { befall, live } from "./life.ts"
import { giveUp, impatient, retryAll } from "./operator.ts"
import * as outboxes from "./outbox.ts"
import { group } from "./programs.ts"
import type { Shared } from "./stores.ts"
import * as traces from "./trace.ts"
import type { World } from "./world.ts"

/** How a seed is to be simulated. */
export interface Settings {
  /** Whether to keep what happened, step by step. */
  readonly trace?: boolean
  /** Breaks the stores that all machines share, to see the laws notice. */
  readonly breaking?: ((shared: Shared) => Shared) | undefined
}

/** What came of a seed. */
export interface Verdict {
  readonly seed: number
  readonly fired: Fired
  /** The laws that did not hold. */
  readonly broken: ReadonlyArray<string>
  readonly events: number
  readonly runs: number
  /** How many runs of handlers were repetitions, each with a good reason. */
  readonly repeats: number
  readonly simulatedSeconds: number
  readonly trace: ReadonlyArray<string>
}

// How long a world may take to come to rest when nothing goes wrong any more, in simulated seconds.
const patience = 300

const build = Effect.fnUntraced(function* (
  seed: number,
  random: Chances,
  settings: Settings
): Effect.fn.Return<readonly [World, Array<string>]> {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const trace = traces.make(settings.trace === true, now)
  const laws: Array<string> = []
  const drivers = Memory.drivers()
  const shared = settings.breaking?.(drivers) ?? drivers
  const kept: Array<consumers.Consumer> = []
  const world: World = {
    seed,
    random,
    faults: faultsOf.make(random),
    trace,
    shared,
    truth: drivers,
    ledger: ledger(() => world.isMended),
    outbox: outboxes.make(random, 2 + random.below(3)),
    get witness() {
      return kept[0] as consumers.Consumer
    },
    get listener() {
      return kept[1] as consumers.Consumer
    },
    consumers: kept,
    machines: new Map(),
    owners: new Map(),
    positions: new Map(),
    isMended: false,
    now,
    broken: (what) => {
      trace.step("LAW", () => `BROKEN: ${what}`)
      laws.push(what)
    }
  }
  kept.push(consumers.make(world, "reactor/witness"))
  kept.push(consumers.make(world, `bus/${group}`))
  return [world, laws]
})

const run = Effect.fnUntraced(function* (seed: number, random: Chances, settings: Settings) {
  const [world, laws] = yield* build(seed, random, settings)
  const { faults, outbox, trace } = world
  const logger = Logger.make<unknown, void>(({ logLevel, message }) =>
    trace.step("log", () => `${logLevel}: ${String(message)}`)
  )
  const begin = (effect: Effect.Effect<unknown>) =>
    Effect.forkDetach(Effect.provideService(effect, Logger.CurrentLoggers, new Set([logger])))
  for (const [index] of outbox.commands.entries()) yield* begin(live(world, index))
  yield* begin(befall(world))
  yield* begin(impatient(world))

  yield* TestClock.adjust(12_000 + random.below(20_000))
  faults.stop()
  trace.step("world", () => "NOTHING GOES WRONG ANY MORE")
  // What went wrong last comes to its end: pauses, delays, processes that are down.
  yield* TestClock.adjust("22 seconds")
  if (random.chance(0.3)) yield* giveUp(world)
  world.isMended = true
  trace.step("world", () => "poison is no poison any more")
  let left = patience
  let wrong = yield* unrest(world)
  while (wrong !== undefined && left > 0) {
    if (left % 15 === 0) yield* retryAll(world)
    left -= 5
    yield* TestClock.adjust("5 seconds")
    wrong = yield* unrest(world)
  }
  // What came to rest stays so.
  yield* TestClock.adjust("2 seconds")
  wrong ??= yield* unrest(world)
  if (wrong !== undefined) world.broken(`it never comes to rest: ${wrong}`)
  yield* check(world)
  const simulatedSeconds = world.now() / 1000
  for (const machine of world.machines.values()) machine.alive = false
  const counts = world.consumers.map((consumer) => consumer.count())
  return {
    seed,
    fired: faults.fired,
    broken: laws,
    events: yield* Effect.orDie(world.truth.eventStore.head),
    runs: counts.reduce((total, { runs }) => total + runs, 0),
    repeats: counts.reduce((total, { repeats }) => total + repeats, 0),
    simulatedSeconds,
    trace: trace.lines()
  } satisfies Verdict
})

/** Time as systems have it, in whole milliseconds. */
const inWholeMillis = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateService(effect, Clock.Clock, (clock) => ({
    ...clock,
    sleep: (duration) => clock.sleep(Duration.millis(Math.ceil(Duration.toMillis(duration))))
  }))

/** Simulates a seed. */
export const simulate = (seed: number, settings: Settings = {}): Promise<Verdict> => {
  const random = randoms.make(seed)
  const bytes = new Uint8Array(10)
  const id = (millis: number): EventId.EventId => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256)
    return EventId.fromTime(millis, bytes)
  }
  const ours: Random.Random = {
    nextDoubleUnsafe: () => random.below(0x1_0000_0000) / 0x1_0000_0000,
    nextIntUnsafe: () => random.below(0x1_0000_0000)
  }
  return Effect.runPromise(
    run(seed, random, settings).pipe(
      inWholeMillis,
      Effect.provideService(EventId.Generator, id),
      Effect.provideService(Random.Random, ours),
      // No real time: a machine that is slow today must not let the clock go on earlier.
      Effect.provide(TestClock.layer({ warningDelay: "1 day" }))
    )
  )
}
