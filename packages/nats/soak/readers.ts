// readers: follow or page through the store, fast, slowly or broken off, and write down every event they were given.
import * as path from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import type { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import { lines, open, tail, type ReaderLine } from "./journal.ts"
import type { Random } from "./random.ts"

/** A reader. */
export interface Reader {
  readonly name: string
  readonly filter: EventFilter.EventFilter
  /** How it reads: followed, followed and broken off in the midst of a page again and again, or in pages of so many. */
  readonly by: "subscribe" | "broken off" | number
  /** How many milliseconds it takes for a page. */
  readonly slow?: number
}

const all = EventFilter.all()

/** The readers of each reading process. */
export const readers: ReadonlyArray<ReadonlyArray<Reader>> = [
  [
    { name: "all", filter: all, by: "subscribe" },
    { name: "everything, slowly", filter: EventFilter.all({ system: true }), by: "subscribe", slow: 10 },
    { name: "one category", filter: EventFilter.category("Warm"), by: "subscribe" },
    {
      name: "two categories",
      filter: EventFilter.categories([{ category: "Warm", types: ["Closed"] }, { category: "Cold" }]),
      by: "subscribe"
    }
  ],
  [
    { name: "all, broken off", filter: all, by: "broken off" },
    { name: "closings", filter: EventFilter.all({ types: ["Closed"] }), by: "subscribe" },
    { name: "one stream", filter: EventFilter.stream(StreamName.make("Hot", "0")), by: "subscribe" },
    { name: "odd, broken off", filter: EventFilter.category("Odd"), by: "broken off" },
    { name: "pages of 100", filter: all, by: 100, slow: 10 }
  ]
]

/** The journal of a reader. */
export const fileOf = (folder: string, { name }: Reader): string => path.join(folder, `reader ${name}.ndjson`)

/** How far a reader has come by its journal. */
const passedBy = async (file: string): Promise<number> => {
  let passed = 0
  for await (const line of lines<ReaderLine>(file)) if ("through" in line) passed = line.through
  return passed
}

/** Reads until it is interrupted, behind what its journal says; `passed` is told how far it has come. */
export const run = (
  reader: Reader,
  store: EventStore["Service"],
  folder: string,
  random: Random,
  passed: (position: number) => void
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const file = fileOf(folder, reader)
    let last = yield* Effect.promise(() => passedBy(file))
    const write = open<ReaderLine>(file)
    const { by, filter } = reader

    const took = (through: number, events: ReadonlyArray<Pick<Recorded, "id" | "position">>): void => {
      write({ through, events: events.flatMap(({ id, position }) => [position, tail(id)]) })
      last = through
      passed(through)
    }
    const rest = reader.slow === undefined ? Effect.void : Effect.sleep(reader.slow)
    const followed = Effect.suspend(() =>
      store.subscribe(filter, { after: Position.make(last) }).pipe(
        Stream.runForEach(({ events, through }) => {
          took(through, events)
          return rest
        }),
        Effect.catch((error) => Effect.sync(() => write({ finding: `the subscription ended: ${error.message}` })))
      )
    )

    /** Takes so many events, and is interrupted within the page of the last one. */
    const brokenOff = Effect.suspend(() => {
      let left = random.between(1, 1500)
      const broken = Deferred.makeUnsafe<void>()
      const taking = store.subscribe(filter, { after: Position.make(last) }).pipe(
        Stream.runForEach(({ events, through }) =>
          Effect.suspend(() => {
            const taken = events.slice(0, left)
            left -= taken.length
            const end = taken.at(-1)
            if (taken.length < events.length) {
              if (end !== undefined) took(end.position, taken)
              return Effect.andThen(Deferred.succeed(broken, undefined), Effect.never)
            }
            took(through, taken)
            return rest
          })
        ),
        Effect.catch((error) => Effect.sync(() => write({ finding: `the subscription ended: ${error.message}` })))
      )
      return Effect.raceFirst(taking, Deferred.await(broken))
    })

    if (by === "subscribe") return yield* followed
    if (by === "broken off") return yield* Effect.forever(brokenOff)
    const page = Effect.suspend(() =>
      Stream.runCollect(store.read(filter, { from: { position: Position.make(last + 1) }, limit: by }))
    )
    return yield* Effect.forever(
      page.pipe(
        Effect.flatMap((events) => {
          const end = events.at(-1)
          if (end === undefined) return Effect.sleep(25)
          took(end.position, events)
          return rest
        }),
        Effect.catch((error) => {
          if (!error.isRetryable) write({ finding: `a read failed: ${error.message}` })
          return Effect.sleep(100)
        })
      )
    )
  })
