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
  `${projection.name}@${projection.version}`

/** The processor that keeps a projection's read model. */
export const make = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Processor<Name, never, EventStore | CheckpointStore | ReadModelStore> => {
  const { table } = projection
  const prepare = preparer(projection)
  return {
    name: projection.name,
    checkpoint: checkpointOf(projection),
    filter: projection.filter,
    handle: Effect.fnUntraced(function* (
      page: Page,
      { commit }: Turn<never>
    ): Effect.fn.Return<void, HandleError<never>, ReadModelStore> {
      const store = yield* ReadModelStore
      const { failed: undecoded, steps } = prepare(page.events)
      const keys = [...new Set(steps.flatMap((step) => step.keys))]
      const rows = yield* Effect.fromResult(hold(projection, keys.length === 0 ? [] : yield* store.get(table, keys)))
      const failed = applyAll(projection, steps, rows) ?? undecoded
      // What came before a failing event is committed, so that the checkpoint stands right before that event.
      const through = failed === undefined ? page.through : precedingIn(page.events, failed.event)
      if (through !== undefined) {
        const changed = yield* Effect.fromResult(encodeChanged(projection, rows))
        yield* commit(through, changed.length === 0 ? Effect.void : store.apply(table, changed))
      }
      if (failed !== undefined) return yield* failed
    })
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
  readonly changed: boolean
}

type Rows<Row> = Map<string, Held<Row>>

/** Decodes events and finds their keys, up to the first for which that fails. */
const preparer = <Name extends string, Row, Index extends string>(projection: Projection<Name, Row, Index>) => {
  const decode = decoder(projection)
  return (
    events: ReadonlyArray<Recorded>
  ): { readonly steps: ReadonlyArray<Step>; readonly failed?: EventFailed<never> } => {
    const steps: Array<Step> = []
    for (const recorded of events) {
      const decoded = decode(recorded)
      if (Result.isFailure(decoded)) return { steps, failed: failure(recorded, decoded.failure.reason.message) }
      try {
        steps.push({ recorded, event: decoded.success, keys: projection.keys(decoded.success) })
      } catch (thrown) {
        return { steps, failed: failure(recorded, `the projection's key threw ${describe(thrown)}`) }
      }
    }
    return { steps }
  }
}

const failure = (event: Recorded, problem: string): EventFailed<never> =>
  new EventFailed<never>({ event, error: undefined, problem })

/** Folds the steps into the rows, up to the first that fails; an event changes all of its rows or none. */
const applyAll = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  steps: ReadonlyArray<Step>,
  rows: Rows<Row>
): EventFailed<never> | undefined => {
  for (const { event, keys, recorded } of steps) {
    try {
      const changes: Array<readonly [string, Held<Row>]> = []
      for (const key of keys) {
        const held = rows.get(key)
        // A row that is at this event already was written by a batch whose checkpoint was lost: once is enough.
        if (held !== undefined && held.position >= event.position) continue
        const row = projection.step(held?.row, event)
        changes.push([key, { row, position: event.position, changed: true }])
      }
      for (const [key, held] of changes) rows.set(key, held)
    } catch (thrown) {
      return failure(recorded, `the projection's handler threw ${describe(thrown)}`)
    }
  }
  return undefined
}

/** The position of the event before one, or undefined when it is the first. */
const precedingIn = (events: ReadonlyArray<Recorded>, event: Recorded): Position.Position | undefined =>
  events[events.indexOf(event) - 1]?.position

const hold = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  stored: ReadonlyArray<EncodedRow>
): Result.Result<Rows<Row>, ReadModelStoreError> => {
  const rows: Rows<Row> = new Map()
  for (const { key, position, row: text } of stored) {
    const row = text === undefined ? Result.succeed(undefined) : projection.codec.decode(JSON.parse(text) as Json)
    if (Result.isFailure(row)) return Result.fail(badRow(projection.name, key, row.failure))
    rows.set(key, { row: row.success, position, changed: false })
  }
  return Result.succeed(rows)
}

const badRow = (projection: string, key: string, problem: string): ReadModelStoreError =>
  new ReadModelStoreError({
    operation: `Projection "${projection}"`,
    reason: new UndecodableRow({ projection, key, problem })
  })

const encodeChanged = <Name extends string, Row, Index extends string>(
  { codec, indexes, name }: Projection<Name, Row, Index>,
  rows: Rows<Row>
): Result.Result<ReadonlyArray<EncodedRow>, ReadModelStoreError> => {
  const changed: Array<EncodedRow> = []
  for (const [key, { changed: isChanged, position, row }] of rows) {
    if (!isChanged) continue
    if (row === undefined) {
      changed.push({ key, position, row: undefined, index: {} })
      continue
    }
    const encoded = codec.encode(row)
    if (Result.isFailure(encoded)) {
      return Result.fail(badRow(name, key, `its handler returned what its schema refuses: ${encoded.failure}`))
    }
    const index: Record<string, IndexValue> = {}
    for (const field of indexes) index[field] = indexValue((row as Readonly<Record<string, unknown>>)[field])
    changed.push({ key, position, row: JSON.stringify(encoded.success), index })
  }
  return Result.succeed(changed)
}
