// readers: who reads during the soak, by which filter and in which way; each writes down every page that it was given.
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import type { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import type { ReaderLine } from "./journal.ts"
import { open, tail } from "./journal.ts"
import type { StoreName } from "./workload.ts"

/** A reader: by subscription, or by reading again and again from where it stopped, so many events at a time. */
export interface Reader {
  readonly name: string
  readonly store: StoreName
  readonly filter: EventFilter.EventFilter
  readonly by: "subscribe" | number
  /** A pause after every page. */
  readonly slow?: number
}

const all = EventFilter.all()
const everything = EventFilter.all({ system: true })

/** The readers, in two processes whose tails look differently often. */
export const readers: ReadonlyArray<ReadonlyArray<Reader>> = [
  [
    { name: "all", store: "one", filter: all, by: "subscribe" },
    { name: "everything", store: "one", filter: everything, by: "subscribe", slow: 20 },
    { name: "hot", store: "one", filter: EventFilter.category("Hot"), by: "subscribe" },
    {
      name: "two categories",
      store: "one",
      filter: EventFilter.categories([{ category: "Warm", types: ["Closed"] }, { category: "Cold" }]),
      by: "subscribe"
    },
    { name: "second store", store: "two", filter: everything, by: "subscribe" },
    { name: "pages of 7", store: "one", filter: everything, by: 7 }
  ],
  [
    { name: "all, often", store: "one", filter: everything, by: "subscribe" },
    { name: "closings", store: "one", filter: EventFilter.all({ types: ["Closed"] }), by: "subscribe" },
    { name: "one stream", store: "one", filter: EventFilter.stream(StreamName.make("Hot", "0")), by: "subscribe" },
    { name: "rare", store: "one", filter: EventFilter.category("$own"), by: "subscribe" },
    { name: "pages of 100", store: "one", filter: all, by: 100, slow: 10 },
    { name: "pages of 1000", store: "two", filter: EventFilter.category("Warm"), by: 1000 }
  ]
]

/** The journal of a reader. */
export const fileOf = (folder: string, { name }: Reader): string => path.join(folder, `reader ${name}.ndjson`)

/** Reads until it is interrupted; `passed` is told how far it has come. */
export const run = (
  reader: Reader,
  store: EventStore["Service"],
  folder: string,
  passed: (position: number) => void
): Effect.Effect<void> => {
  const write = open<ReaderLine | { readonly finding: string }>(fileOf(folder, reader))
  const took = (through: number, events: ReadonlyArray<{ readonly id: string; readonly position: number }>) =>
    Effect.suspend(() => {
      write({ t: Date.now(), through, events: events.flatMap(({ id, position }) => [position, tail(id)]) })
      passed(through)
      return reader.slow === undefined ? Effect.void : Effect.sleep(reader.slow)
    })
  const { by, filter } = reader
  if (by === "subscribe") {
    return store.subscribe(filter).pipe(
      Stream.runForEach(({ events, through }) => took(through, events)),
      Effect.catch((error) => Effect.sync(() => write({ finding: `the subscription ended: ${error.message}` })))
    )
  }
  let last = 0
  const turn = Effect.suspend(() =>
    Stream.runCollect(store.read(filter, { from: { position: Position.make(last + 1) }, limit: by }))
  )
  return Effect.forever(
    turn.pipe(
      Effect.flatMap((events) => {
        last = events.at(-1)?.position ?? last
        return events.length === 0 ? Effect.sleep(25) : took(last, events)
      }),
      Effect.catch((error) => {
        if (!error.isRetryable) write({ finding: `a read failed: ${error.message}` })
        return Effect.sleep(100)
      })
    )
  )
}
