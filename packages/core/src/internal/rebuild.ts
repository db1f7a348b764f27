// rebuild: makes the rows of a projection anew beside those that are read, and puts them in their place when it has caught up.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "../CheckpointStore.ts"
import type { Lease, Move } from "../CheckpointStore.ts"
import type { CheckpointStoreError } from "../CheckpointStoreError.ts"
import * as EventId from "../EventId.ts"
import { EventStore } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { OnUndecodable } from "../Processor.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import type { ReadModelStoreError } from "../ReadModelStore.ts"
import { holdAll, NotAlone } from "./holdAll.ts"
import type { ProcessorStopped } from "./processorErrors.ts"
import * as parking from "./processorParking.ts"
import { checkpointOf, make as processorOf } from "./processorProjection.ts"
import { runOn } from "./processorRun.ts"
import * as record from "./projectionRecord.ts"
import { RebuildRefused, tableOf } from "./projectionRecord.ts"
import * as slots from "./slots.ts"

/** How a rebuild is done. */
export interface RebuildOptions {
  /** Into how many parts the keys are divided; as for a processor. */
  readonly partitions?: number
  /** When an event is tried again that could not be handled. */
  readonly retry?: Schedule.Schedule<unknown, never>
  /** What becomes of an event that cannot be decoded: "stop" unless given, which ends the rebuild. */
  readonly onUndecodable?: Exclude<OnUndecodable, "park">
  /** How often progress is told, and how close to the log it has to be for the switch: 200 milliseconds unless given. */
  readonly every?: Duration.Input
  /** How long to wait until those who keep the rows now let go of them; a minute unless given. */
  readonly patience?: Duration.Input
}

/**
 * How far a rebuild is. `done` and `total` count positions, of which events are a part; `rate` is positions a second.
 *
 * The last one has the phase "done": from then on the new rows are those that are read.
 */
export interface RebuildProgress {
  readonly phase: "building" | "switching" | "done"
  readonly done: number
  readonly total: number
  readonly rate: number
  /** How much longer it takes at that rate; undefined before there is one. */
  readonly remaining: Duration.Duration | undefined
}

/** How a rebuild, or what ends one, can fail: refused, stopped at an event as any processor, or by a store. */
export type RebuildError =
  | RebuildRefused
  | ProcessorStopped
  | EventStoreError
  | CheckpointStoreError
  | ReadModelStoreError

export type RebuildServices = EventStore | CheckpointStore | ReadModelStore

/** Rebuilds a read model and says how far it is. */
export const rebuild = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  options: RebuildOptions = {}
): Stream.Stream<RebuildProgress, RebuildError, RebuildServices> =>
  Stream.callback<RebuildProgress, RebuildError, RebuildServices>(
    (queue) =>
      Effect.andThen(
        run(projection, options, (progress) => Queue.offer(queue, progress)),
        Queue.end(queue)
      ),
    { bufferSize: 16, strategy: "suspend" }
  )

const run = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  options: RebuildOptions,
  tell: (progress: RebuildProgress) => Effect.Effect<unknown>
): Effect.fn.Return<void, RebuildError, RebuildServices | Scope.Scope> {
  const [store, checkpoints, rows] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
  const { id } = yield* claim(store, checkpoints, rows, projection)
  const { name, version } = projection
  const live = checkpointOf(projection)
  const table = tableOf(projection.table, id)
  const next = `rebuild/${name}@${version}/${id}`
  const refuse = (problem: string) => new RebuildRefused({ projection: name, version, problem })

  const { admit: _, ...kept } = processorOf({ ...projection, table })
  // What was given up for good is no part of the new rows either.
  const { dropped } = yield* parking.read(store, live)
  const processor: typeof kept = {
    ...kept,
    checkpoint: next,
    prepare: (events) =>
      kept
        .prepare(events)
        .filter(({ key, recorded }) => !dropped.has(parking.settledKey({ eventId: recorded.id, key })))
  }
  const { onUndecodable = "stop", partitions = 1, retry } = options
  const how = { onUndecodable, partitions, ...(retry === undefined ? {} : { retry }) }
  const build = runOn(store, checkpoints, processor, how)

  const positionsOf = (checkpoint: string) =>
    Effect.map(checkpoints.loadAll(slots.namesOf(checkpoint)), (all) => all.map(({ position }) => position))

  const began = yield* Clock.currentTimeMillis
  const from = Math.min(...(yield* positionsOf(next)))
  /** How far it is; it does not go back where the log is ahead of what is read of it. */
  const progressOf = (phase: RebuildProgress["phase"], done: number, total: number) =>
    Effect.map(Clock.currentTimeMillis, (now): RebuildProgress => {
      const rate = now > began ? ((done - from) * 1000) / (now - began) : 0
      const remaining = rate > 0 ? Duration.millis((Math.max(0, total - done) * 1000) / rate) : undefined
      return { phase, done, total: Math.max(done, total), rate, remaining }
    })

  const every = Duration.fromInputUnsafe(options.every ?? "200 millis")
  // Its table may have been made anew since.
  const givenUp = Effect.andThen(rows.drop(table), Effect.fail(refuse("the rebuild was given up by somebody")))

  /** Until it comes as far as the log went within a moment: closer it need not be, others write all the time. */
  const caughtUp = Effect.gen(function* () {
    while (true) {
      const head = yield* store.head
      const done = Math.min(...(yield* positionsOf(next)))
      yield* tell(yield* progressOf("building", done, head))
      const { position } = yield* checkpoints.load(record.switchOf(projection, id))
      if (position > 1) return yield* givenUp
      if (done >= head) return
      const reached = yield* Effect.timeoutOption(reaches(checkpoints, next, head), every)
      if (Option.isSome(reached)) return
    }
  })

  const alone = <A, E>(checkpoint: string, effect: (leases: ReadonlyArray<Lease>) => Effect.Effect<A, E>) =>
    Effect.catchIf(
      holdAll(checkpoints, checkpoint, options.patience ?? "1 minute", effect),
      (error): error is NotAlone => error instanceof NotAlone,
      ({ problem }) => Effect.fail(refuse(problem))
    )

  /** What had been parked is in the new rows. */
  const unpark = Effect.gen(function* () {
    const parked = yield* parking.make(store, live)
    yield* parked.load
    const { entries } = yield* parking.read(store, live)
    for (const ofKey of entries.values()) for (const entry of ofKey.values()) yield* parked.handled(entry)
  })

  /** Puts the new rows in the place of the old ones; false where they had not come as far, and nothing happened. */
  const exchange = Effect.fnUntraced(function* (live_: ReadonlyArray<Lease>, next_: ReadonlyArray<Lease>) {
    const stands = yield* positionsOf(live)
    const ready = yield* positionsOf(next)
    if (slots.all.some((slot) => (ready[slot] ?? 0) < (stands[slot] ?? 0))) return false
    const moves: Array<Move> = []
    for (const slot of slots.all) {
      const [at, to] = [stands[slot] ?? Position.beginning, ready[slot] ?? Position.beginning]
      const [lease, fence] = [live_[slot], next_[slot]]
      if (lease !== undefined) moves.push({ name: lease.name, from: at, to, lease })
      if (fence !== undefined) moves.push({ name: fence.name, from: to, to, lease: fence })
    }
    moves.push({ name: record.switchOf(projection, id), from: Position.beginning, to: Position.make(1) })
    const swap = rows.swap(projection.table, table)
    const { transaction } = checkpoints.capabilities
    yield* checkpoints.transact(moves, transaction ? Effect.andThen(swap, unpark) : swap)
    if (!transaction) yield* unpark
    yield* record.write(store, projection, "whatever", { type: "RebuildSwitched", data: { id } })
    return true
  })

  while (true) {
    const building = yield* Effect.forkScoped(build)
    const meanwhile = <A, E>(effect: Effect.Effect<A, E>) => Effect.raceFirst(effect, Fiber.join(building))
    yield* meanwhile(caughtUp)
    const head = yield* store.head
    yield* tell(yield* progressOf("switching", head, head))
    const isDone = yield* alone(live, (live_) =>
      Effect.gen(function* () {
        const last = Math.max(...(yield* positionsOf(live)))
        yield* meanwhile(reaches(checkpoints, next, last))
        yield* Fiber.interrupt(building)
        return yield* alone(next, (next_) => exchange(live_, next_))
      })
    ).pipe(
      Effect.catchTags({
        LeaseLost: lostRace,
        CheckpointMoved: lostRace,
        // Somebody reads for long, and must not be cut off.
        ReadModelStoreError: (error) => (error.isRetryable ? Effect.succeed(false) : Effect.fail(error))
      })
    )
    if (isDone) break
    yield* Fiber.interrupt(building)
    // Somebody else may have switched: then there is nothing left to do. Else it was disturbed, and tries again.
    const { position } = yield* checkpoints.load(record.switchOf(projection, id))
    if (position === 1) break
    if (position > 1) return yield* givenUp
    yield* Effect.sleep(every)
  }
  const head = yield* store.head
  yield* tell(yield* progressOf("done", head, head))
})

const lostRace = (): Effect.Effect<boolean> => Effect.succeed(false)

/** Waits until all slots of a checkpoint have reached a position. */
const reaches = (checkpoints: CheckpointStore["Service"], checkpoint: string, target: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const changed = yield* checkpoints.watch(checkpoint)
      const names = slots.namesOf(checkpoint)
      while ((yield* checkpoints.loadAll(names)).some(({ position }) => position < target)) {
        yield* Effect.timeoutOption(changed, "50 millis")
      }
    })
  )

/** Begins a rebuild of a definition, or goes on with the one that was begun. */
const claim = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  store: EventStore["Service"],
  checkpoints: CheckpointStore["Service"],
  rows: ReadModelStore["Service"],
  projection: Projection<Name, Row, Index>
): Effect.fn.Return<record.Rebuild, RebuildError> {
  const fingerprint = record.fingerprint(projection)
  while (true) {
    const now = yield* record.read(store, checkpoints, projection)
    if (now.unsaid !== undefined) {
      yield* record.write(store, projection, "whatever", { type: "RebuildSwitched", data: { id: now.unsaid } })
      continue
    }
    if (now.building?.fingerprint === fingerprint) return now.building
    // One by another definition: it must not switch behind this one's back.
    if (now.building !== undefined && !(yield* record.giveUp(checkpoints, projection, now.building.id))) continue
    const rebuild = { id: yield* EventId.generate, fingerprint }
    const isStarted = yield* record.write(store, projection, now, { type: "RebuildStarted", data: rebuild })
    if (!isStarted) continue
    // Nobody wants these any more: what a rebuild by another definition left, and what the last one had replaced.
    for (const id of [now.building?.id, now.previous]) {
      if (id === undefined) continue
      yield* rows.drop(tableOf(projection.table, id))
      yield* record.write(store, projection, "whatever", { type: "PreviousDropped", data: { id } })
    }
    return rebuild
  }
})
