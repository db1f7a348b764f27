// streams: what a store holds: categories with their streams, events and sizes, or the streams of one category.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded } from "evolvent/EventStore"
import { onStore } from "./connection.ts"
import { bytes, number, result, table } from "./output.ts"
import { exists, filterOf } from "./selection.ts"

/** What is known of some events; sizes are those of data and metadata as JSON text. */
interface Sum {
  readonly name: string
  readonly streams: Set<string>
  events: number
  bytes: number
  last: { readonly position: number; readonly type: string; readonly recordedAt: number }
}

const add = (sums: Map<string, Sum>, name: string, event: EncodedRecorded): void => {
  const { data, metadata, position, recordedAt, stream, type } = event
  const last = { position, type, recordedAt }
  let sum = sums.get(name)
  if (sum === undefined) sums.set(name, (sum = { name, streams: new Set(), events: 0, bytes: 0, last }))
  sum.streams.add(stream)
  sum.events += 1
  sum.bytes += Buffer.byteLength(data) + Buffer.byteLength(metadata)
  sum.last = last
}

const timeOf = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/** Prints the categories, or the streams of one; it reads all of them. */
export const streams = ({
  category,
  limit,
  system
}: {
  readonly category: string | undefined
  readonly limit: number | undefined
  readonly system: boolean
}) =>
  onStore(
    Effect.gen(function* () {
      const filter = category === undefined ? EventFilter.all({ system }) : yield* filterOf(category)
      const store = yield* EventStore
      const sums = new Map<string, Sum>()
      yield* Stream.runForEachArray(store.readEncoded(filter), (page) =>
        Effect.sync(() => {
          for (const event of page) add(sums, category === undefined ? event.category : event.stream, event)
        })
      )
      if (category !== undefined && sums.size === 0) yield* exists(category)
      // Of categories the names are looked for, of streams the busiest.
      const order = (a: Sum, b: Sum): number =>
        category === undefined || a.events === b.events ? (a.name < b.name ? -1 : 1) : b.events - a.events
      const all = [...sums.values()].toSorted(order)
      const some = limit === undefined ? all : all.slice(0, limit)
      const ofCategories = category === undefined
      const document = some.map(({ bytes, events, last, name, streams }) => ({
        ...(ofCategories ? { category: name, streams: streams.size } : { stream: name }),
        events,
        bytes,
        last: { ...last, recordedAt: timeOf(last.recordedAt) }
      }))
      const columns = [
        { name: ofCategories ? "category" : "stream" },
        ...(ofCategories ? [{ name: "streams", align: "right" } as const] : []),
        { name: "events", align: "right" },
        { name: "size", align: "right" },
        { name: "last event" },
        { name: "at" }
      ] as const
      const rows = some.map(({ bytes: size, events, last, name, streams }) => [
        name,
        ...(ofCategories ? [number(streams.size)] : []),
        number(events),
        bytes(size),
        last.type,
        timeOf(last.recordedAt)
      ])
      const text = rows.length === 0 ? Effect.succeed("The store holds no events.\n") : table(columns, rows)
      yield* result(document, text)
    })
  )
