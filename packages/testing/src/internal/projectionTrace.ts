// Folds recorded events into rows, guarded, one call at a time, and keeps what happened; pure and repeatable.
import * as Result from "effect/Result"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import type { Projection } from "evolvent/Projection"
import { recorded as recordedOf } from "../Events.ts"
import type { StreamEvents } from "../Events.ts"
import { byValue, bySchema } from "./equality.ts"
import type { Same } from "./equality.ts"
import { callTwice } from "./fault.ts"
import type { Fault } from "./fault.ts"
import { toSource } from "./source.ts"
import { throughText } from "./text.ts"

interface Tagged {
  readonly _tag: string
}

/** A row that a handler made. */
export interface Made<Row> {
  readonly row: Row
  readonly key: string
  /** How many events had been folded, this one included. */
  readonly after: number
}

/** What some events led to, up to the first faulty call. */
export interface RowTrace<Row> {
  /** All events, as stored, and decoded. */
  readonly recorded: ReadonlyArray<Recorded>
  readonly events: ReadonlyArray<Recorded<Tagged>>
  readonly handled: ReadonlyArray<string>
  readonly rows: ReadonlyArray<Made<Row>>
  readonly keys: ReadonlySet<string>
  readonly faulty: { readonly fault: Fault; readonly after: number } | undefined
}

/** How a projection is folded, call by call. */
export interface RowTracer<Row> {
  readonly sameRow: Same<Row>
  readonly run: (past: ReadonlyArray<StreamEvents>) => RowTrace<Row>
  /** A row as a store gives it back. */
  readonly stored: (row: Row) => Result.Result<Row, string>
}

/** The tracer of a projection. */
export const rowTracer = <Row>(projection: Projection<string, Row, string>): RowTracer<Row> => {
  const { codec, from, keys, name, step } = projection
  const sameRow = bySchema(projection.row)
  const handles = EventFilter.predicate(projection.filter)
  const codecs = new Map(from.map((aggregate) => [aggregate.name, aggregate.codecs.event]))

  const decode = (event: Recorded): ReadonlyArray<Recorded<Tagged>> => {
    const decoded = codecs.get(event.category)?.decode(event.type, event.schemaVersion, event.data)
    return decoded === undefined || Result.isFailure(decoded) ? [] : decoded.success.map((data) => ({ ...event, data }))
  }

  const inputs = (event: Recorded<Tagged>) => [
    { name: "the event", value: event.data, print: () => toSource(event.data) },
    { name: "the metadata", value: event.metadata, print: () => toSource(event.metadata) }
  ]

  const keysOf = (event: Recorded<Tagged>) =>
    callTwice({
      name: `The key of "${name}"`,
      run: () => keys(event),
      inputs: inputs(event),
      same: byValue,
      check: (found) =>
        found.every((key) => typeof key === "string") ? undefined : `returned ${toSource(found)}, not only texts`
    })

  const rowAfter = (row: Row | undefined, event: Recorded<Tagged>) =>
    callTwice({
      name: `The handler of ${event.category}.${event.type} in "${name}"`,
      run: () => step(row, event),
      inputs: [
        { name: "the row", value: row, print: () => (row === undefined ? "" : toSource(codec.encode(row))) },
        ...inputs(event)
      ],
      same: (self, that) => self === that || (self !== undefined && that !== undefined && sameRow(self, that))
    })

  return {
    sameRow,
    stored: (row) => throughText(codec.encode(row), codec.decode),
    run: (past) => {
      const recorded = recordedOf(past)
      const events = recorded.flatMap(decode)
      const current = new Map<string, Row>()
      const made: Array<Made<Row>> = []
      const seen = new Set<string>()
      const trace = { recorded, events, handled: [] as Array<string>, rows: made, keys: seen, faulty: undefined }
      for (const [index, event] of events.entries()) {
        const after = index + 1
        if (!handles(event)) continue
        trace.handled.push(`${event.category}.${event.type}`)
        const found = keysOf(event)
        if ("fault" in found) return { ...trace, faulty: { fault: found.fault, after } }
        for (const key of found.value) {
          seen.add(key)
          const stepped = rowAfter(current.get(key), event)
          if ("fault" in stepped) return { ...trace, faulty: { fault: stepped.fault, after } }
          const row = stepped.value
          if (row === undefined) {
            current.delete(key)
          } else {
            current.set(key, row)
            made.push({ row, key, after })
          }
        }
      }
      return trace
    }
  }
}
