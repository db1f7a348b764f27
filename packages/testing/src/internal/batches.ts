// Hands recorded events to the real processor of a projection in batches, some of them twice, and reads the rows.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import { CheckpointStore } from "evolvent/CheckpointStore"
import type { Recorded } from "evolvent/EventData"
import * as Memory from "evolvent/Memory"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import type { Projection } from "evolvent/Projection"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow } from "evolvent/ReadModelStore"
import { describe } from "./text.ts"

/** A way to cut events into batches: how many each of them holds. */
export type Sizes = ReadonlyArray<number>

/** The rows after handling events in batches, or why there are none. */
export const handleInBatches = <Row>(
  projection: Projection<string, Row, string>,
  events: ReadonlyArray<Recorded>,
  sizes: Sizes,
  repeated: boolean
): Result.Result<ReadonlyMap<string, Row>, string> => {
  const processor = Processor.projection(projection)
  const stored = repeated ? rowsBesideTheCheckpoint() : undefined
  const program = Effect.gen(function* () {
    const checkpoints = yield* CheckpointStore
    const { list } = yield* ReadModelStore
    let at = Position.beginning
    const writes = (page: ReadonlyArray<Recorded>) => processor.handle(processor.prepare(page))
    const handle = (page: ReadonlyArray<Recorded>) => {
      const from = at
      const to = page.at(-1)?.position ?? at
      at = to
      return Effect.flatMap(writes(page), (rows) =>
        checkpoints.transact({ name: processor.checkpoint, from, to }, rows)
      )
    }
    // The process dies after the rows were written and before the checkpoint moved.
    const dieBeforeCheckpoint = (page: ReadonlyArray<Recorded>) => Effect.flatten(writes(page))

    let start = 0
    for (const [index, size] of sizes.entries()) {
      const end = start + size
      if (repeated) {
        yield* dieBeforeCheckpoint(events.slice(start, end))
        // What comes then begins with the same events, and may go on further.
        const further = index % 2 === 0 ? end : Math.min(events.length, end + 1)
        yield* dieBeforeCheckpoint(events.slice(start, further))
      }
      yield* handle(events.slice(start, end))
      start = end
    }
    const all = { where: [], orderBy: undefined, direction: "asc", limit: 1_000_000, after: undefined } as const
    const found = yield* list(projection.table, all)
    const rows = new Map<string, Row>()
    for (const { key, row } of found) {
      if (row === undefined) continue
      rows.set(key, Result.getOrThrow(projection.codec.decode(JSON.parse(row) as Json)))
    }
    return rows
  })
  const on = stored === undefined ? program : Effect.provideService(program, ReadModelStore, stored)
  const exit = Effect.runSyncExit(Effect.provide(on, Memory.layer))
  return Exit.isSuccess(exit) ? Result.succeed(exit.value) : Result.fail(problemOf(Cause.squash(exit.cause)))
}

const problemOf = (failure: unknown): string =>
  typeof failure === "object" && failure !== null && "problem" in failure ? String(failure.problem) : describe(failure)

/** Rows of a backend that cannot move them with the checkpoint: guarded by position, removed ones stay as a position. */
const rowsBesideTheCheckpoint = (): ReadModelStore["Service"] => {
  const stored = new Map<string, EncodedRow>()
  return {
    capabilities: { atomicBatch: false },
    get: (_, keys) => Effect.sync(() => keys.flatMap((key) => stored.get(key) ?? [])),
    apply: (_, rows) =>
      Effect.sync(() => {
        for (const row of rows) {
          if ((stored.get(row.key)?.position ?? -1) <= row.position) stored.set(row.key, row)
        }
      }),
    list: () => Effect.sync(() => [...stored.values()]),
    drop: () => Effect.sync(() => stored.clear()),
    swap: () => Effect.die("nobody swaps here")
  }
}
