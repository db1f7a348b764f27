// Rows that change without an event of their own: a parked one is handled late, rows are made anew. Where that stands in the log.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { Position } from "../Position.ts"
import type { Projection } from "../Projection.ts"
import type { EncodedRow, Query, ReadModelStore, ReadModelStoreError } from "../ReadModelStore.ts"
import { checkpointOf } from "./processorProjection.ts"
import type { Change } from "./projectionFold.ts"
import { tableOf } from "./projectionRecord.ts"
import { decode } from "./readModelRow.ts"

/** Rows of some keys, or all rows, by the rebuild that replaced them. */
export type Remade = { readonly keys: ReadonlyArray<string> } | { readonly rebuild: string }

const handled = { category: "$parked", types: ["Handled"] }
const rebuilt = { category: "$projection", types: ["RebuildSwitched", "RowsRebuilt", "RowsDropped"] }

/** The events that say so, of all projections. */
export const filter: EventFilter.EventFilter = EventFilter.categories([handled, rebuilt])

/** The events of a filter, and those that say so. */
export const and = (given: EventFilter.EventFilter): EventFilter.EventFilter =>
  given._tag === "Categories" ? EventFilter.categories([...given.categories, handled, rebuilt]) : given

/** Finds what an event says of the rows of a projection. */
export const finder = (projection: { readonly name: string; readonly version: number }) => {
  const parked = `$parked-${checkpointOf(projection)}`
  const record = `$projection-${projection.name}@${projection.version}`
  return ({ data, stream, type }: Recorded): Remade | undefined => {
    if ((stream !== parked && stream !== record) || typeof data !== "object" || data === null) return undefined
    // Only processorParking and projectionRecord write these streams.
    const { id, key, keys } = data as { readonly id?: string; readonly key?: string; readonly keys?: Array<string> }
    if (type === "Handled" && key !== undefined) return { keys: [key] }
    if (type === "RowsRebuilt" && keys !== undefined) return { keys }
    return (type === "RebuildSwitched" || type === "RowsDropped") && id !== undefined ? { rebuild: id } : undefined
  }
}

// As many rows are looked at in one step, however many there are.
const atOnce = 500

/**
 * What a rebuild changed, a page of rows at a time, and undefined when that was all: rows that differ from those that it
 * replaced, and keys that have none any more. What events have changed since is left to these.
 */
export const sweep = <Name extends string, Row, Index extends string>(
  store: ReadModelStore["Service"],
  projection: Projection<Name, Row, Index>,
  rebuild: string,
  position: Position
): Effect.Effect<ReadonlyArray<Change<Row>> | undefined, ReadModelStoreError> => {
  const { table } = projection
  const former = tableOf(table, rebuild)
  let isOver = false
  let isForward = true
  let after: Query["after"]

  const page = (of: typeof table) =>
    Effect.map(
      store.list(of, { where: [], orderBy: undefined, direction: "asc", limit: atOnce, after }),
      (rows): ReadonlyArray<EncodedRow> => {
        const last = rows.at(-1)
        after = last === undefined ? undefined : { value: undefined, key: last.key }
        return rows
      }
    )

  const byKey = (of: typeof table, rows: ReadonlyArray<EncodedRow>) =>
    Effect.map(
      rows.length === 0
        ? Effect.succeed([])
        : store.get(
            of,
            Arr.map(rows, ({ key }) => key)
          ),
      (found) => new Map(found.map((row) => [row.key, row]))
    )

  // The former rows may be of another shape, or dropped by now: then every row is told.
  const formerly = <A>(effect: Effect.Effect<A, ReadModelStoreError>, none: A) =>
    Effect.catchIf(
      effect,
      ({ isRetryable }) => !isRetryable,
      () => Effect.succeed(none)
    )

  const there = Effect.gen(function* () {
    const rows = yield* page(table)
    const before = yield* formerly(byKey(former, rows), new Map<string, EncodedRow>())
    const changes: Array<Change<Row>> = []
    for (const { key, position: at, row } of rows) {
      if (row === undefined || at > position || before.get(key)?.row === row) continue
      changes.push({
        key,
        row: yield* Effect.fromResult(decode("ReadModel.changes", projection, key, row)),
        position
      })
    }
    if (rows.length < atOnce) [isForward, after] = [false, undefined]
    return changes
  })

  const gone = Effect.gen(function* () {
    const rows = yield* formerly(page(former), [])
    const now = yield* byKey(table, rows)
    if (rows.length < atOnce) isOver = true
    return rows.flatMap(({ key, row }): ReadonlyArray<Change<Row>> => {
      const isGone = row !== undefined && now.get(key)?.row === undefined && (now.get(key)?.position ?? 0) <= position
      return isGone ? [{ key, row: undefined, position }] : []
    })
  })

  return Effect.suspend(() => (isOver ? Effect.undefined : isForward ? there : gone))
}
