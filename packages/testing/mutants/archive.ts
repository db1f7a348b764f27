// Broken archives, one for each of their laws.
import type { Functions } from "@evolvent/testing/conformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Archive from "evolvent/Archive"
import type { Folder } from "evolvent/ArchiveFolder"
import { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Break, Mutant } from "./Mutant.ts"

const instead = (functions: Partial<Functions>): Break => ({ functions: (whole) => ({ ...whole, ...functions }) })

/** Removes what a store holds of a stream now, whatever was copied of it. */
const removeNow = Effect.fnUntraced(function* (stream: StreamName, archive: string) {
  const store = yield* EventStore
  const expected = (yield* store.streamRevision(stream)) ?? Revision.make(0)
  return yield* Effect.orDie(store.remove(stream, { as: "archived", expected, archive }))
})

/** Reads otherwise together with archives. */
const source = (change: (store: EventStore["Service"], whole: EventStore["Service"]) => EventStore["Service"]): Break =>
  instead({
    layerSource: (...folders) =>
      Layer.effectContext(
        Effect.gen(function* () {
          const store = yield* EventStore
          const built = yield* Layer.build(Archive.layerSource(...folders))
          return Context.add(built, EventStore, change(store, Context.get(built, EventStore)))
        })
      )
  })

/** What is removed without being copied is found in no folder. */
const removesFirst = (folder: Folder, options: Archive.ArchiveOptions) =>
  Effect.gen(function* () {
    for (const stream of options.streams) yield* removeNow(stream, folder.where)
    return yield* Archive.archive(folder, options)
  })

export const archive: ReadonlyArray<Mutant> = [
  {
    law: "Archive 1",
    breaks: "a stream that has grown since it was copied is removed with what it has grown by",
    by: instead({
      archive: (folder, options) =>
        Effect.gen(function* () {
          const archived = yield* Archive.archive(folder, options)
          for (const { stream } of archived.kept) yield* removeNow(stream, folder.where)
          return archived
        })
    })
  },
  {
    law: "Archive 2",
    breaks: "streams are removed before they are copied",
    by: instead({ archive: removesFirst }),
    also: ["Archive 1", "Archive 3", "Archive 4", "Archive 6", "Archive 7", "Archive 8"]
  },
  {
    law: "Archive 3",
    breaks: "nobody looks whether readers are behind",
    by: instead({
      archive: (folder, options) => Archive.archive(folder, { ...options, force: true }),
      erase: (stream, options) => Archive.erase(stream, { ...options, force: true })
    }),
    also: ["Archive 4"]
  },
  {
    law: "Archive 4",
    breaks: "a projection that has parked events counts as one that has read them",
    by: instead({
      archive: (folder, options) =>
        Effect.catchTag(Archive.archive(folder, options), "ReadersBehind", (behind) =>
          behind.readers.every(({ problem }) => problem.includes("parked"))
            ? Archive.archive(folder, { ...options, force: true })
            : Effect.fail(behind)
        )
    })
  },
  {
    law: "Archive 5",
    breaks: "the event at the position is copied, too",
    by: instead({
      copy: (folder, what, options) =>
        Archive.copy(folder, "before" in what ? { before: (what.before + 1) as typeof what.before } : what, options)
    })
  },
  {
    law: "Archive 6",
    breaks: "an archive is read by those who follow the log, and not by those who load",
    by: source((_, whole) => ({ ...whole, history: () => Effect.void }))
  },
  {
    law: "Archive 7",
    breaks: "who follows gets what was archived behind all else",
    by: source((store, whole) => ({
      ...whole,
      subscribe: (filter, options = {}) =>
        Stream.unwrap(
          Effect.map(store.head, (head) =>
            Stream.concat(
              Stream.takeUntil(store.subscribe(filter, options), ({ through }) => through >= head),
              whole.subscribe(filter, options)
            )
          )
        )
    }))
  },
  {
    law: "Archive 8",
    breaks: "a stream comes back by being appended anew",
    by: {
      store: (store) => ({
        ...store,
        restore: (stream, events) =>
          Effect.gen(function* () {
            const restored = yield* store.restore(stream, events)
            if (restored.repeated) return restored
            const data = events.map((event) => ({ type: event.type, data: JSON.parse(event.data) as null }))
            yield* Effect.orDie(store.append(stream, data))
            return restored
          })
      })
    }
  },
  {
    law: "Archive 9",
    breaks: "a stream that is erased stays in its snapshots",
    by: { snapshots: (snapshots) => ({ ...snapshots, remove: () => Effect.void }) }
  }
]
