// rebuildRows: makes single rows of a read model anew from their events, in their place.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "../CheckpointStore.ts"
import * as EventFilter from "../EventFilter.ts"
import { EventStore } from "../EventStore.ts"
import * as Position from "../Position.ts"
import type { Step } from "../Processor.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore } from "../ReadModelStore.ts"
import type { EncodedRow } from "../ReadModelStore.ts"
import * as StreamName from "../StreamName.ts"
import { holdAll } from "./holdAll.ts"
import * as parking from "./processorParking.ts"
import { checkpointOf } from "./processorProjection.ts"
import { preparing, stepChanges } from "./projectionBatch.ts"
import * as record from "./projectionRecord.ts"
import { admit, RebuildRefused } from "./projectionRecord.ts"
import type { RebuildOptions } from "./rebuild.ts"
import * as slots from "./slots.ts"

/**
 * Makes the rows of some keys anew from all of their events: for one that went wrong, where the rest is right.
 *
 * Whoever keeps the read model lets go of it meanwhile. Of a projection whose rows have their streams' ids only these streams
 * are read, else the whole log. Gives how many events the rows are made of.
 */
export const rebuildRows = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  keys: ReadonlyArray<string>,
  options: Pick<RebuildOptions, "onUndecodable" | "patience"> = {}
) {
  const [store, checkpoints, rows] = [yield* EventStore, yield* CheckpointStore, yield* ReadModelStore]
  const { filter, from, isKeyedByStream, name, table, version } = projection
  const prepare = preparing(projection)
  const changes = stepChanges(projection)
  const wanted = new Set(keys)
  const handles = EventFilter.predicate(filter)
  const refuse = (problem: string) => Effect.fail(new RebuildRefused({ projection: name, version, problem }))

  const events = isKeyedByStream
    ? Stream.fromIterable(from).pipe(
        Stream.flatMap((source) =>
          Stream.fromIterable(wanted).pipe(
            Stream.flatMap((key) => {
              const stream = StreamName.fromParts(source.name, key)
              return Result.isFailure(stream) ? Stream.empty : store.read(EventFilter.stream(stream.success))
            })
          )
        )
      )
    : store.read(filter)

  const replace = Effect.gen(function* () {
    const stands = (yield* checkpoints.loadAll(slots.namesOf(checkpointOf(projection)))).map(({ position }) => position)
    // What was given up for good is no part of the new rows either.
    const { dropped } = yield* parking.read(store, checkpointOf(projection))
    const isDropped = ({ key, recorded }: Step) => dropped.has(parking.settledKey({ eventId: recorded.id, key }))
    const steps: Array<Step> = []
    // Of a page only what is wanted is kept: the log may be long.
    yield* Stream.runForEachArray(events, (page) =>
      Effect.sync(() => {
        for (const step of prepare(page.filter(handles))) {
          const at = stands[slots.slotOf(step.key)] ?? Position.beginning
          const isSkipped = step.undecoded === "UndecodableEvent" && options.onUndecodable === "skip"
          if (!isSkipped && wanted.has(step.key) && step.recorded.position <= at && !isDropped(step)) steps.push(step)
        }
      })
    )
    steps.sort((a, b) => a.recorded.position - b.recorded.position)
    // From nothing: what is stored of these keys is what is to be replaced.
    const made = yield* Effect.catchTag(changes({ get: () => Effect.succeed([]) }, steps), "EventFailed", (failed) =>
      refuse(`${failed.problem} (event ${failed.event.id} of stream ${failed.event.stream})`)
    )
    const gone = [...wanted].map((key): EncodedRow => {
      const position = stands[slots.slotOf(key)] ?? Position.beginning
      return { key, position, row: undefined, index: {} }
    })
    return { gone, made, stands, events: steps.length }
  })

  return yield* holdAll(checkpoints, checkpointOf(projection), options.patience ?? "1 minute", (leases) =>
    Effect.gen(function* () {
      yield* admit(projection)(store, checkpoints)
      const { events, gone, made, stands } = yield* replace
      const moves = leases.map((lease, slot) => {
        const at = stands[slot] ?? Position.beginning
        return { name: lease.name, from: at, to: at, lease }
      })
      const kept = new Set(made.map(({ key }) => key))
      const standing = (row: EncodedRow): EncodedRow => ({
        ...row,
        position: stands[slots.slotOf(row.key)] ?? row.position
      })
      // Removed first, wherever they claim to be: a row that is there is only replaced from its own position on. Where a
      // removed row stays as a position that would keep the new one out; there each row is written as far as its slot stands.
      const writes = rows.capabilities.atomicBatch
        ? Effect.andThen(rows.apply(table, gone), rows.apply(table, made))
        : rows.apply(table, [...made.map(standing), ...gone.filter(({ key }) => !kept.has(key))])
      const tell = Effect.forEach(
        Arr.chunksOf(wanted, 1000),
        (some) => record.write(store, projection, "whatever", { type: "RowsRebuilt", data: { keys: some } }),
        { discard: true }
      )
      const { transaction } = checkpoints.capabilities
      yield* checkpoints.transact(moves, transaction ? Effect.andThen(writes, tell) : writes)
      if (!transaction) yield* tell
      return events
    })
  ).pipe(Effect.catchTag("NotAlone", ({ problem }) => refuse(problem)))
})
