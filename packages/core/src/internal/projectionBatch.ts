// A page of events folded into the rows of a projection that it touches: read, folded, encoded; writing them is the caller's.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type * as Position from "../Position.ts"
import type { Step } from "../Processor.ts"
import type { Projection } from "../Projection.ts"
import { ReadModelStoreError, UndecodableRow } from "../ReadModelStore.ts"
import type { EncodedRow, IndexValue, ReadModelStore } from "../ReadModelStore.ts"
import type { Tagged } from "./eventCodec.ts"
import { EventFailed } from "./processorErrors.ts"
import { indexValue } from "./projection.ts"
import { decoder } from "./projectionFold.ts"
import { describe } from "./thrown.ts"

/** What some events make of the stored rows that they touch: built once for a projection, called for each page. */
export type Changes = (
  store: Pick<ReadModelStore["Service"], "get">,
  events: ReadonlyArray<Recorded>
) => Effect.Effect<ReadonlyArray<EncodedRow>, EventFailed<never> | ReadModelStoreError>

/** What some steps make of the stored rows that they touch. */
export const stepChanges =
  <Name extends string, Row, Index extends string>(projection: Projection<Name, Row, Index>) =>
  (
    store: Pick<ReadModelStore["Service"], "get">,
    steps: ReadonlyArray<Step>
  ): Effect.Effect<ReadonlyArray<EncodedRow>, EventFailed<never> | ReadModelStoreError> => {
    const bad = steps.find(({ problem }) => problem !== undefined)
    if (bad?.problem !== undefined) return Effect.fail(failure(bad.recorded, bad.problem, bad.undecoded))
    const keys = [...new Set(steps.map(({ key }) => key))]
    if (keys.length === 0) return Effect.succeed([])
    return Effect.flatMap(store.get(projection.table, keys), (stored) =>
      Effect.fromResult(
        Result.flatMap(hold(projection, stored), (rows) =>
          Result.flatMap(applyAll(projection, steps, rows), () => encodeChanged(projection, rows))
        )
      )
    )
  }

/**
 * What stored events make of the rows in a store: for backends that keep a read model by themselves.
 *
 * Gives the rows that are to be applied, in one transaction with what was read, or fails and names the event that could
 * not be decoded or whose handler threw. Events that the projection does not handle are passed over, and so are those
 * that a row has seen. It is what `Processor.projection` does with each page.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import type { Recorded } from "evolvent/EventData"
 * import * as Projection from "evolvent/Projection"
 * import { ReadModelStore } from "evolvent/ReadModelStore"
 *
 * const keep = <Name extends string, Row, Index extends string>(definition: Projection.Projection<Name, Row, Index>) => {
 *   const changes = Projection.changes(definition)
 *   return (events: ReadonlyArray<Recorded>) =>
 *     ReadModelStore.use((store) =>
 *       Effect.flatMap(changes(store, events), (rows) => store.apply(definition.table, rows))
 *     )
 * }
 * ```
 */
export const changes = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): Changes => {
  const handles = EventFilter.predicate(projection.filter)
  const prepare = preparing(projection)
  const ofSteps = stepChanges(projection)
  return (store, events) => ofSteps(store, prepare(events.filter(handles)))
}

interface Held<Row> {
  readonly row: Row | undefined
  readonly position: Position.Position
  /** The event that changed the row last; undefined while it is as stored. */
  readonly changedBy: Recorded | undefined
}

type Rows<Row> = Map<string, Held<Row>>

const failure = (event: Recorded, problem: string, undecoded?: Step["undecoded"]): EventFailed<never> =>
  new EventFailed<never>({ event, failure: undefined, problem, undecoded })

/** Decodes events and finds their keys; an event that cannot be decoded is its stream's. */
export const preparing = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>
): ((events: ReadonlyArray<Recorded>) => ReadonlyArray<Step>) => {
  const decode = decoder(projection)
  return (events) => {
    const steps: Array<Step> = []
    for (const recorded of events) {
      const decoded = decode(recorded)
      if (Result.isFailure(decoded)) {
        steps.push(unprepared(recorded, undecodedStep(decoded.failure)))
        continue
      }
      const events = decoded.success
      if (events.length === 0) continue
      if (projection.isKeyedByStream) {
        steps.push({ recorded, events, key: recorded.streamId, problem: undefined })
        continue
      }
      try {
        for (const [key, some] of byKey(projection, events)) {
          steps.push({ recorded, events: some, key, problem: undefined })
        }
      } catch (thrown) {
        steps.push(unprepared(recorded, { problem: `the projection's key threw ${describe(thrown)}` }))
      }
    }
    return steps
  }
}

/** The events of today that a stored one became, by the keys of their rows: what is of one row is done at once. */
const byKey = <Name extends string, Row, Index extends string>(
  { keys }: Projection<Name, Row, Index>,
  events: ReadonlyArray<Recorded<Tagged>>
): Iterable<readonly [key: string, events: ReadonlyArray<Recorded<Tagged>>]> => {
  const [only] = events
  if (only !== undefined && events.length === 1) return keys(only).map((key) => [key, events])
  const found = new Map<string, Array<Recorded<Tagged>>>()
  for (const event of events) {
    for (const key of keys(event)) {
      const some = found.get(key)
      if (some === undefined) found.set(key, [event])
      else some.push(event)
    }
  }
  return found
}

const unprepared = (recorded: Recorded, why: Pick<Step, "problem" | "undecoded">): Step => ({
  recorded,
  events: [],
  key: recorded.streamId,
  ...why
})

const undecodedStep = ({ reason }: EventStoreError): Pick<Step, "problem" | "undecoded"> => ({
  problem: reason.message,
  undecoded: reason._tag === "NewerVersion" ? "NewerVersion" : "UndecodableEvent"
})

/** Folds the steps into the rows. */
const applyAll = <Name extends string, Row, Index extends string>(
  projection: Projection<Name, Row, Index>,
  steps: ReadonlyArray<Step>,
  rows: Rows<Row>
): Result.Result<void, EventFailed<never>> => {
  for (const { events, key, recorded } of steps) {
    if (events.length === 0) continue
    const held = rows.get(key)
    const { position } = recorded
    // A row that is at this event already was written by a batch whose checkpoint was lost: once is enough.
    if (held !== undefined && held.position >= position) continue
    try {
      let row = held?.row
      for (const event of events) row = projection.step(row, event)
      rows.set(key, { row, position, changedBy: recorded })
    } catch (thrown) {
      return Result.fail(failure(recorded, `the projection's handler threw ${describe(thrown)}`))
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
