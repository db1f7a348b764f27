// A projection as a processor: a page of events is folded into the rows it touches, and these move with the checkpoint.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { CheckpointStore } from "../CheckpointStore.ts"
import type { Recorded } from "../EventData.ts"
import type { EventStore, Page } from "../EventStore.ts"
import type * as Position from "../Position.ts"
import type { HandleError, Processor, Turn } from "../Processor.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStore, ReadModelStoreError, UndecodableRow } from "../ReadModelStore.ts"
import type { EncodedRow, IndexValue } from "../ReadModelStore.ts"
import type { Tagged } from "./eventCodec.ts"
import { EventFailed } from "./processorErrors.ts"
import { indexValue } from "./projection.ts"
import { decoder } from "./projectionFold.ts"
import { describe } from "./thrown.ts"

/** The checkpoint of a projection: each version has its own. */
export const checkpointOf = (projection: { readonly name: string; readonly version: number }): string =>
  `projection/${projection.name}@${projection.version}`

/** The processor that keeps a projection's read model. */
export const make = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Processor<Name, never, EventStore | CheckpointStore | ReadModelStore> => {
  const { table } = projection
  const decode = decoder(projection)

  const batch = Effect.fnUntraced(function* (
    page: Page,
    { commit }: Turn<never>
  ): Effect.fn.Return<void, HandleError<never>, ReadModelStore> {
    const store = yield* ReadModelStore
    const steps = yield* Effect.fromResult(prepare(projection, decode, page.events))
    const keys = [...new Set(steps.flatMap((step) => step.keys))]
    const rows = yield* Effect.fromResult(hold(projection, keys.length === 0 ? [] : yield* store.get(table, keys)))
    yield* Effect.fromResult(applyAll(projection, steps, rows))
    const changed = yield* Effect.fromResult(encodeChanged(projection, rows))
    yield* commit(page.through, changed.length === 0 ? Effect.void : store.apply(table, changed))
  })

  return {
    name: projection.name,
    checkpoint: checkpointOf(projection),
    filter: projection.filter,
    // A page that holds a failing event is taken event by event, so that what comes before it is committed.
    handle: (page, turn) =>
      Effect.catchTag(batch(page, turn), "EventFailed", (failed) =>
        page.events.length <= 1
          ? Effect.fail(failed)
          : Effect.andThen(
              Effect.forEach(page.events, (event) => batch({ events: [event], through: event.position }, turn), {
                discard: true
              }),
              turn.commit(page.through, Effect.void)
            )
      )
  }
}

interface Step {
  readonly recorded: Recorded
  readonly event: Recorded<Tagged>
  readonly keys: ReadonlyArray<string>
}

interface Held<Row> {
  readonly row: Row | undefined
  readonly position: Position.Position
  /** The event that changed the row last; undefined while it is as stored. */
  readonly changedBy: Recorded | undefined
}

type Rows<Row> = Map<string, Held<Row>>

const failure = (event: Recorded, problem: string): EventFailed<never> =>
  new EventFailed<never>({ event, failure: undefined, problem })

/** Decodes events and finds their keys. */
const prepare = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  decode: ReturnType<typeof decoder>,
  events: ReadonlyArray<Recorded>
): Result.Result<ReadonlyArray<Step>, EventFailed<never>> => {
  const steps: Array<Step> = []
  for (const recorded of events) {
    const decoded = decode(recorded)
    if (Result.isFailure(decoded)) return Result.fail(failure(recorded, decoded.failure.reason.message))
    try {
      steps.push({ recorded, event: decoded.success, keys: projection.keys(decoded.success) })
    } catch (thrown) {
      return Result.fail(failure(recorded, `the projection's key threw ${describe(thrown)}`))
    }
  }
  return Result.succeed(steps)
}

/** Folds the steps into the rows. */
const applyAll = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  steps: ReadonlyArray<Step>,
  rows: Rows<Row>
): Result.Result<void, EventFailed<never>> => {
  for (const { event, keys, recorded } of steps) {
    for (const key of keys) {
      const held = rows.get(key)
      // A row that is at this event already was written by a batch whose checkpoint was lost: once is enough.
      if (held !== undefined && held.position >= event.position) continue
      try {
        rows.set(key, { row: projection.step(held?.row, event), position: event.position, changedBy: recorded })
      } catch (thrown) {
        return Result.fail(failure(recorded, `the projection's handler threw ${describe(thrown)}`))
      }
    }
  }
  return Result.void
}

const hold = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  stored: ReadonlyArray<EncodedRow>
): Result.Result<Rows<Row>, ReadModelStoreError> => {
  const rows: Rows<Row> = new Map()
  for (const { key, position, row: text } of stored) {
    const row = text === undefined ? Result.succeed(undefined) : projection.codec.decode(JSON.parse(text) as Json)
    if (Result.isFailure(row)) return Result.fail(badRow(projection.name, key, row.failure))
    rows.set(key, { row: row.success, position, changedBy: undefined })
  }
  return Result.succeed(rows)
}

const badRow = (projection: string, key: string, problem: string): ReadModelStoreError =>
  new ReadModelStoreError({
    operation: `Projection "${projection}"`,
    reason: new UndecodableRow({ projection, key, problem })
  })

const encodeChanged = <Name extends string, Row, Index extends string>(
  { codec, indexes }: Projection<Name, Row, Index>,
  rows: Rows<Row>
): Result.Result<ReadonlyArray<EncodedRow>, EventFailed<never>> => {
  const changed: Array<EncodedRow> = []
  for (const [key, { changedBy, position, row }] of rows) {
    if (changedBy === undefined) continue
    if (row === undefined) {
      changed.push({ key, position, row: undefined, index: {} })
      continue
    }
    const encoded = codec.encode(row)
    if (Result.isFailure(encoded)) {
      const problem = `the projection's handler returned a row for "${key}" that its schema refuses: ${encoded.failure}`
      return Result.fail(failure(changedBy, problem))
    }
    const index: Record<string, IndexValue> = {}
    for (const field of indexes) {
      const value = indexValue((row as Readonly<Record<string, unknown>>)[field])
      if (typeof value === "number" && !Number.isFinite(value)) {
        const problem = `the row for "${key}" has ${value} in its indexed field "${field}", which has no place in an order`
        return Result.fail(failure(changedBy, problem))
      }
      index[field] = value
    }
    changed.push({ key, position, row: JSON.stringify(encoded.success), index })
  }
  return Result.succeed(changed)
}
