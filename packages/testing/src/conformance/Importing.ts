// Importing: events of another store, as laws bring them, and stores whose imports are cut off.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import type { EncodedImport, EncodedRecorded, Imported } from "evolvent/EventStore"
import { because, Unavailable } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Memory from "evolvent/Memory"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StoreCopy from "evolvent/StoreCopy"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"

type Store = EventStore["Service"]

/** When the first of them was recorded: years ago, by the clock of another machine. */
export const longAgo = Date.parse("2001-09-09T01:46:40.123Z")

/** An event of another store, at a revision of its stream. */
export const recorded = (
  stream: StreamName.StreamName,
  revision: number,
  given: Partial<EncodedRecorded> = {}
): Effect.Effect<EncodedRecorded> =>
  Effect.map(EventId.generate, (id) => ({
    id,
    stream,
    category: StreamName.category(stream),
    revision: Revision.make(revision),
    position: Position.make(1),
    type: "Counted",
    schemaVersion: 1,
    data: JSON.stringify({ n: revision }),
    metadata: JSON.stringify({ correlationId: `of ${stream}` }),
    recordedAt: longAgo + 1000 * revision,
    ...given
  }))

/** Events of two categories in turn, of some streams each, with texts that a careless copy would change. */
export const several = Effect.fnUntraced(function* (count: number) {
  const categories = [yield* Fresh.name("Law"), yield* Fresh.name("Law")] as const
  const revisions = new Map<string, number>()
  const events: Array<EncodedRecorded> = []
  let [turn, left] = [0, 1]
  for (let i = 0; i < count; i++) {
    // Now and then several in a row for one stream, as an append brings them, or as two do one after the other.
    if (left-- === 0) {
      turn += 1
      left = turn % 4
    }
    const stream = StreamName.make(categories[turn % 2] as string, `ü ${turn % 7}`)
    const revision = revisions.get(stream) ?? 0
    revisions.set(stream, revision + 1)
    events.push(
      yield* recorded(stream, revision, {
        position: Position.make(10 * i + 1),
        type: i % 5 === 0 ? 'Said "so"' : "Counted",
        schemaVersion: i % 5 === 0 ? 1 + (i % 3) : 1,
        data: `{"n":${i},"b":1e3,"a":[0.1,{"z":"\\u0041 🙂","y":null}],"whole":12345678901234567890}`,
        // Those of one category were recorded by a clock that is an hour behind.
        recordedAt: longAgo + 1000 * Math.floor(i / 3) - (turn % 2) * 3_600_000
      })
    )
  }
  return { categories, events }
})

/** An empty store in memory. */
export const memory = Effect.map(Layer.build(Layer.fresh(Memory.layer)), (context) => Context.get(context, EventStore))

/** A store in memory with events of another one. */
export const holding = Effect.fnUntraced(function* (events: ReadonlyArray<EncodedRecorded>) {
  const store = yield* memory
  yield* behindAll(store, events)
  return store
})

/** Imports behind the end of a log to which others may append, too. */
export const behindAll = (store: Store, events: ReadonlyArray<EncodedRecorded>) =>
  Effect.gen(function* () {
    while (true) {
      const outcome = yield* store.importEncoded({ events, behind: yield* store.head })
      if (outcome._tag !== "Moved") return outcome
      yield* Effect.sleep("10 millis")
    }
  })

/** What a store holds of some categories, as it is stored, without the positions. */
export const stored = (store: Store, categories: ReadonlyArray<string>) =>
  Effect.map(
    Stream.runCollect(store.readEncoded(EventFilter.categories(categories.map((category) => ({ category }))))),
    (events) => events.map(contentOf)
  )

/** What is the same of an event wherever it is. A driver may make its texts when they are asked for, so they are. */
export const contentOf = (event: EncodedRecorded) => ({
  id: event.id,
  stream: event.stream,
  revision: Number(event.revision),
  type: event.type,
  schemaVersion: event.schemaVersion,
  recordedAt: event.recordedAt,
  data: JSON.parse(event.data) as unknown,
  metadata: JSON.parse(event.metadata) as unknown
})

/** Whether a store imports nothing; then it says so. */
export const cannot = Effect.gen(function* () {
  const store = yield* EventStore
  if (store.capabilities.import) return false
  const stream = yield* Fresh.stream()
  const importing = Effect.flatMap(recorded(stream, 0), (event) => behindAll(store, [event]))
  yield* Check.refusedBecause("imported an event where that cannot be done", importing, "Unsupported")
  yield* Contents.are("imported an event where that cannot be done", stream, [])
  return true
})

/** How one call of an import ends: as it should, without an answer, or not at all. */
export type Fate = "answered" | "refused" | "lost" | "killed before" | "killed behind"

const gone = because("EventStore.importEncoded", new Unavailable({ problem: "the law cut the line" }))

/** A store whose imports end by their fates, one after the other; then as they should. */
export const fated = (store: Store, fates: ReadonlyArray<Fate>): Store => {
  let calls = 0
  const importEncoded = (events: EncodedImport): Effect.Effect<Imported, EventStoreError> =>
    Effect.suspend(() => {
      switch (fates[calls++] ?? "answered") {
        case "answered":
          return store.importEncoded(events)
        case "refused":
          return Effect.fail(gone)
        case "lost":
          return Effect.andThen(store.importEncoded(events), Effect.fail(gone))
        case "killed before":
          return Effect.interrupt
        case "killed behind":
          return Effect.andThen(store.importEncoded(events), Effect.interrupt)
      }
    })
  return { ...store, importEncoded }
}

/** The hash of some categories of a store. */
export const digestOf = (store: Store, categories: ReadonlyArray<string>) =>
  Effect.provideService(StoreCopy.digest({ categories }), EventStore, store)
