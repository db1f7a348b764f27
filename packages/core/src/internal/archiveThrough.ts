// archiveThrough: a store that is read together with archives of its own, whose events stand again where they stood.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import type { EventStore, Page, ReadOptions } from "../EventStore.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import * as Position from "../Position.ts"
import type { Source } from "./archiveSource.ts"

type Store = EventStore["Service"]
type Events = ReadonlyArray<Recorded>

/** Gives archived events one after another: some of those up to a position, none where there are no more. */
type Take = (through: number) => Effect.Effect<Events, EventStoreError>

const taking = Effect.fnUntraced(function* (
  archived: Stream.Stream<Recorded, EventStoreError>
): Effect.fn.Return<Take, never, Scope.Scope> {
  const pull = yield* Stream.toPull(archived)
  let held: Events = []
  let isOver = false
  const fill = Effect.suspend(() =>
    isOver || held.length > 0
      ? Effect.void
      : Pull.catchDone(
          Effect.map(pull, (events): void => {
            held = events
          }),
          () =>
            Effect.sync(() => {
              isOver = true
            })
        )
  )
  return (through) =>
    Effect.map(fill, () => {
      const later = held.findIndex(({ position }) => position > through)
      const taken = later < 0 ? held : held.slice(0, later)
      held = later < 0 ? [] : held.slice(later)
      return taken
    })
})

/** Two lists in one order; what is in both is one event. */
const merge = (archived: Events, stored: Events): Events => {
  if (archived.length === 0) return stored
  const places = new Set(stored.map(({ position }) => position))
  const others = archived.filter(({ position }) => !places.has(position))
  return [...others, ...stored].toSorted((a, b) => a.position - b.position)
}

/** A page of the store with what was archived of it, as pages. */
const whole = (take: Take, { events, through }: Page): Stream.Stream<Page, EventStoreError> =>
  Stream.paginate(events, (left) =>
    Effect.map(take(through), (archived) => {
      const last = archived.at(-1)
      if (last === undefined) return [[{ events: left, through }], Option.none<Events>()] as const
      const split = left.findIndex(({ position }) => position > last.position)
      const [before, behind] = split < 0 ? [left, []] : [left.slice(0, split), left.slice(split)]
      return [[{ events: merge(archived, before), through: last.position }], Option.some(behind)] as const
    })
  )

const isBehind = (from: ReadOptions["from"], event: Recorded): boolean => {
  if (from === undefined) return true
  if (from.revision !== undefined) return event.revision >= from.revision
  if (from.position !== undefined) return event.position >= from.position
  return DateTime.isGreaterThanOrEqualTo(event.recordedAt, from.time)
}

/** The store, read together with a source: forwards and by subscription; all else is the store's own. */
export const make = (store: Store, source: Source): Store => {
  const together = <A>(
    archived: Stream.Stream<Recorded, EventStoreError>,
    stored: Stream.Stream<Page, EventStoreError>,
    give: (page: Page) => ReadonlyArray<A>
  ): Stream.Stream<A, EventStoreError> =>
    Stream.unwrap(
      Effect.map(taking(archived), (take) =>
        stored.pipe(
          Stream.flatMap((page) => whole(take, page)),
          Stream.map(give),
          Stream.flattenIterable
        )
      )
    )
  return {
    ...store,
    subscribe: (filter, options = {}) =>
      together(source.read(filter, options.after ?? Position.beginning), store.subscribe(filter, options), (page) => [
        page
      ]),
    read: (filter, options = {}) => {
      if (options.direction === "backwards") return store.read(filter, options)
      const { from, limit } = options
      const after = Position.make(Math.max(0, (from?.position ?? 0) - 1))
      const stored = store.read(filter, from === undefined ? {} : { from }).pipe(
        Stream.chunks,
        Stream.map((events): Page => ({ events, through: events.at(-1)?.position ?? Position.beginning })),
        // What was archived behind the last one.
        Stream.concat(Stream.succeed<Page>({ events: [], through: Position.make(Number.MAX_SAFE_INTEGER) }))
      )
      const archived = Stream.filter(source.read(filter, after), (event) => isBehind(from, event))
      const merged = together(archived, stored, ({ events }) => events)
      return limit === undefined ? merged : Stream.take(merged, limit)
    }
  }
}
