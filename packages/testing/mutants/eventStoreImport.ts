// Event stores that import otherwise than they are to, and copies that are not what they are taken for.
import type { Functions } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import type { Driver, EncodedImport, EncodedRecorded, Imported } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import type { Break, Mutant, Store } from "./Mutant.ts"

type Import = (events: EncodedImport) => Effect.Effect<Imported, EventStoreError>

/** A driver that imports otherwise. */
const imports = (make: (whole: Import, driver: Driver) => Import): Break => ({
  driver: (driver) => ({ ...driver, ...(driver.import === undefined ? {} : { import: make(driver.import, driver) }) })
})

const changes = (change: (event: EncodedRecorded) => EncodedRecorded): Break =>
  imports(
    (whole) =>
      ({ behind, events }) =>
        whole({ behind, events: events.map(change) })
  )

const instead = (functions: (whole: Functions) => Partial<Functions>): Break => ({
  functions: (whole) => ({ ...whole, ...functions(whole) })
})

/** Copies from a store that reads otherwise. */
const from =
  (change: (store: Store) => Store) =>
  <A, E>(told: Stream.Stream<A, E, EventStore>): Stream.Stream<A, E, EventStore> =>
    Stream.unwrap(Effect.map(EventStore, (store) => Stream.provideService(told, EventStore, change(store))))

type Remove = NonNullable<Driver["remove"]>

/** Does nothing where the tombstone stands. */
const removesOnce =
  (whole: Remove): Remove =>
  (removal) =>
    "position" in removal.tombstone
      ? Effect.succeed({
          _tag: "Appended",
          results: [{ revision: removal.expected, position: Position.beginning, repeated: true }]
        })
      : whole(removal)

const all = ["EventStore 13.4", "EventStore 13.5", "EventStore 13.7"]

export const eventStoreImport: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 13.1",
    breaks: "imported events are recorded a second later",
    by: changes((event) => ({ ...event, recordedAt: event.recordedAt + 1000 })),
    also: [...all, "EventStore 13.8", "EventStore 13.9"]
  },
  {
    law: "EventStore 13.1",
    breaks: "imported events stand by stream",
    by: imports((whole) => ({ behind, events }) => {
      const streams = [...new Set(events.map(({ stream }) => stream))]
      return whole({ behind, events: streams.flatMap((one) => events.filter(({ stream }) => stream === one)) })
    }),
    also: [...all, "EventStore 13.8"]
  },
  {
    law: "EventStore 13.2",
    breaks: "an import goes behind whatever is there",
    by: imports(
      (whole, driver) =>
        ({ events }) =>
          Effect.flatMap(driver.newest, (behind) => whole({ behind, events }))
    ),
    also: ["EventStore 13.6"]
  },
  {
    law: "EventStore 13.3",
    breaks: "imported events come under other ids",
    by: changes((event) => ({
      ...event,
      id: `${event.id.slice(0, -1)}${event.id.endsWith("0") ? "1" : "0"}` as typeof event.id
    })),
    also: ["EventStore 13.1", ...all, "EventStore 13.8", "EventStore 13.9"]
  },
  {
    law: "EventStore 13.4",
    breaks: "a copy is told to have another hash",
    by: instead(({ toStore }) => ({
      toStore: (target, options) =>
        Stream.map(toStore(target, options), (told) =>
          told.digest === undefined ? told : { ...told, digest: "0".repeat(64) }
        )
    }))
  },
  {
    law: "EventStore 13.5",
    breaks: "a copy begins behind what is there, whatever that is",
    by: instead(({ toStore }) => ({
      toStore: (target, options) => toStore({ ...target, readEncoded: () => Stream.empty }, options)
    })),
    also: ["EventStore 13.4", "EventStore 13.6", "EventStore 13.7", "EventStore 13.9"]
  },
  {
    law: "EventStore 13.6",
    breaks: "a copy that was refused counts as made",
    by: instead(({ toStore }) => ({
      toStore: (target, options) => Stream.catchTag(toStore(target, options), "CopyRefused", () => Stream.empty)
    }))
  },
  {
    law: "EventStore 13.7",
    breaks: "a copy gives up where the log went on",
    by: instead(({ toStore }) => ({
      toStore: (target, options) =>
        toStore(
          {
            ...target,
            importEncoded: (request) =>
              Effect.flatMap(target.importEncoded(request), (outcome) =>
                outcome._tag === "Moved" ? Effect.die("the log went on") : Effect.succeed(outcome)
              )
          },
          options
        )
    })),
    also: ["EventStore 13.6"]
  },
  {
    law: "EventStore 13.8",
    breaks: "a folder is begun anew each time",
    by: instead(({ toFolder }) => ({
      toFolder: (folder, options) =>
        toFolder(
          { ...folder, read: (name) => (name === "manifest.json" ? Effect.undefined : folder.read(name)) },
          options
        )
    }))
  },
  {
    law: "EventStore 13.8",
    breaks: "the event at the end of what is added is left out",
    by: instead(({ toFolder }) => ({
      toFolder: (folder, options) =>
        from((store) => ({
          ...store,
          readEncoded: (filter, read = {}) =>
            store.readEncoded(
              filter,
              read.limit === undefined && read.from?.position !== undefined
                ? { ...read, from: { position: Position.make(read.from.position + 1) } }
                : read
            )
        }))(toFolder(folder, options))
    }))
  },
  {
    law: "EventStore 13.10",
    breaks: "a tombstone behind what is missing is misplaced",
    by: imports((whole) => ({ behind, events }) => {
      const index = events.findIndex(({ revision, type }, i) => type.startsWith("$") && revision > i)
      return index < 0
        ? whole({ behind, events })
        : Effect.succeed({ _tag: "Misplaced", index, problem: "its stream ends before" })
    }),
    also: ["EventStore 13.9"]
  },
  {
    law: "EventStore 13.10",
    breaks: "a removal that is asked for again is answered, and not done",
    by: {
      driver: (driver) => ({
        ...driver,
        ...(driver.remove === undefined ? {} : { remove: removesOnce(driver.remove) })
      })
    }
  },
  {
    law: "EventStore 13.9",
    breaks: "every stream begins at revision 0 where it is copied to",
    by: imports((whole) => ({ behind, events }) => {
      const index = events.findIndex(({ revision, type }) => revision > 0 && type.startsWith("$"))
      return index < 0
        ? whole({ behind, events })
        : Effect.succeed({ _tag: "Misplaced", index, problem: "its stream has no events" })
    })
  }
]
