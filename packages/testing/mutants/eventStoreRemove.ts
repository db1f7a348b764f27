// Event stores that remove streams, or bring them back, otherwise than they are to.
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as EventFilter from "evolvent/EventFilter"
import { decodePage, historyOf } from "evolvent/EventStore"
import type { Appended, EncodedRecorded } from "evolvent/EventStore"
import { WrongExpectedRevision } from "evolvent/EventStoreError"
import * as Tombstone from "evolvent/Tombstone"
import { reads } from "./Drivers.ts"
import type { Mutant } from "./Mutant.ts"

export const eventStoreRemove: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 12.1",
    breaks: "what was removed is still found by its id",
    by: {
      driver: (driver) => {
        const kept = new Map<string, EncodedRecorded>()
        return {
          ...driver,
          remove: (removal) =>
            Effect.gen(function* () {
              const filter = EventFilter.stream(removal.stream)
              const all = { filter, direction: "forwards", from: undefined, limit: 10_000, follows: false } as const
              for (const event of (yield* driver.read(all)).events) kept.set(event.id, event)
              return yield* driver.remove?.(removal) ?? Effect.die("Memory removes")
            }),
          find: (stream, id) => Effect.map(driver.find(stream, id), (found) => found ?? kept.get(id))
        }
      }
    },
    also: ["EventStore 12.4", "EventStore 12.6"]
  },
  {
    law: "EventStore 12.2",
    breaks: "who brings removed events again gets their first result",
    by: {
      driver: (driver) => {
        const known = new Map<string, ReadonlyArray<Appended>>()
        return {
          ...driver,
          append: (appends) =>
            Effect.map(driver.append(appends), (outcome) => {
              const key = appends.flatMap(({ events }) => events.map(({ id }) => id)).join()
              if (outcome._tag === "Appended") known.set(key, outcome.results)
              const results = known.get(key)
              return outcome._tag === "Removed" && results !== undefined ? { _tag: "Appended", results } : outcome
            })
        }
      }
    }
  },
  {
    law: "EventStore 12.3",
    breaks: "where a stream ends is looked at before it is removed, and not under the removal",
    by: {
      driver: (driver) => ({
        ...driver,
        remove: (removal) =>
          Effect.gen(function* () {
            const { remove = () => Effect.die("Memory removes") } = driver
            if ((yield* driver.streamRevision(removal.stream)) !== removal.expected) return yield* remove(removal)
            yield* Effect.yieldNow
            return yield* remove({
              ...removal,
              expected: (yield* driver.streamRevision(removal.stream)) ?? removal.expected
            })
          })
      })
    },
    also: ["EventStore 12.4"]
  },
  {
    law: "EventStore 12.4",
    breaks: "who asks for a removal that went through is told of a conflict",
    by: {
      store: (store) => ({
        ...store,
        remove: (stream, removal) =>
          Effect.flatMap(store.remove(stream, removal), (removed) =>
            removed.repeated
              ? Effect.fail(new WrongExpectedRevision({ stream, expected: removal.expected, actual: removed.revision }))
              : Effect.succeed(removed)
          )
      })
    }
  },
  {
    law: "EventStore 12.5",
    breaks: "who follows a category is not told of what is left of its streams",
    by: reads((request, driver) => {
      const { filter } = request
      const isAsked = filter._tag !== "Categories" || filter.categories.some(({ types }) => types !== undefined)
      return Effect.map(driver.read(request), (page) =>
        isAsked || !request.follows
          ? page
          : { ...page, events: page.events.filter((event) => !Tombstone.isTombstone(event)) }
      )
    })
  },
  {
    law: "EventStore 12.6",
    breaks: "what comes back was recorded when it came",
    by: {
      driver: (driver) => ({
        ...driver,
        restore: (restoration) =>
          Effect.flatMap(Effect.sync(Date.now), (recordedAt) =>
            (driver.restore ?? (() => Effect.die("Memory restores")))({
              ...restoration,
              events: restoration.events.map((event) => ({ ...event, recordedAt }))
            })
          )
      })
    }
  },
  {
    law: "EventStore 12.7",
    breaks: "what is left of a stream is given for whatever was asked for",
    by: {
      driver: (driver) => ({
        ...driver,
        history: (stream, from, limit) =>
          Effect.map(
            driver.read({
              filter: EventFilter.stream(stream),
              direction: "forwards",
              from: { _tag: "Revision", revision: from },
              limit,
              follows: false
            }),
            ({ events }) => {
              const page = decodePage(events)
              if (!Arr.isReadonlyArrayNonEmpty(page)) return { histories: [], endsAt: undefined }
              const history = historyOf(page)
              const isGone = Tombstone.isTombstone({ type: history.types[0] ?? "" })
              return { histories: [isGone ? { ...history, revision: from } : history], endsAt: undefined }
            }
          )
      })
    },
    also: ["EventStore 12.1", "EventStore 12.4", "EventStore 12.6"]
  }
]
