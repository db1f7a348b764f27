// Laws 5 and 6 of an event store: dense revisions, rising positions and times, and nothing appears behind a reader.
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import type { EventStoreError } from "evolvent/EventStoreError"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Follow from "./Follow.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

const streamsOf = (category: string, count: number) =>
  Fresh.range(count).map((i) => StreamName.make(category, String(i)))

/** Several writers at once, each with appends of one to three events to streams that they share. */
const storm = (streams: ReadonlyArray<StreamName.StreamName>, writers: number, appends: number) =>
  Effect.gen(function* () {
    const store = yield* EventStore
    const write = Effect.fnUntraced(function* (writer: number) {
      for (let i = 0; i < appends; i++) {
        const stream = streams[(writer + i * 7) % streams.length]
        if (stream !== undefined) yield* store.append(stream, Fresh.events(1 + ((writer + i) % 3), writer * 1000 + i))
        if ((writer + i) % 4 === 0) yield* Effect.yieldNow
      }
    })
    yield* Effect.forEach(Fresh.range(writers), write, { concurrency: "unbounded", discard: true })
  })

const dense = law(
  "EventStore 5.1 revisions are 0, 1, 2… and positions rise along every stream, under concurrent writers",
  Effect.gen(function* () {
    const streams = streamsOf(yield* Fresh.name("Dense"), 4)
    yield* storm(streams, 8, 10)
    for (const stream of streams) {
      const events = yield* Contents.ofStream(stream)
      const did = "read a stream that several writers wrote"
      yield* Check.equal(
        `${did}: its revisions`,
        events.map(({ revision }) => Number(revision)),
        Fresh.range(events.length)
      )
      yield* Check.equal(
        `${did}: events not above the one before`,
        fallen(events, ({ position }) => position - 1),
        []
      )
    }
  })
)

/** The events whose value is below that of the event before. */
const fallen = (events: ReadonlyArray<Recorded>, value: (event: Recorded) => number) =>
  events.flatMap((event, i) => {
    const before = events[i - 1]
    return before !== undefined && value(event) < value(before) ? [`revision ${event.revision}`] : []
  })

const time = law(
  "EventStore 5.2 recordedAt never decreases along a stream, whatever the clock does",
  Effect.gen(function* () {
    const store = yield* EventStore
    const stream = yield* Fresh.stream()
    const clock = yield* Clock.Clock
    const shifts = [0, -3_600_000, 5, -86_400_000, -1]
    for (const [i, shift] of shifts.entries()) {
      const now = (): number => clock.currentTimeMillisUnsafe() + shift
      const shifted: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: now,
        currentTimeMillis: Effect.sync(now),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
        currentTimeNanos: clock.currentTimeNanos,
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        sleep: (duration) => clock.sleep(duration)
      }
      yield* Effect.provideService(store.append(stream, Fresh.events(2, 2 * i)), Clock.Clock, shifted)
    }
    const events = yield* Contents.ofStream(stream)
    const early = fallen(events, ({ recordedAt }) => DateTime.toEpochMillis(recordedAt))
    yield* Check.equal(
      "appended while the clock went back by an hour, then by a day: events recorded before their predecessor",
      early,
      []
    )
  })
)

const subscribers = law(
  "EventStore 6.1 nothing appears at or below a position that a subscriber has passed",
  Effect.gen(function* () {
    const store = yield* EventStore
    const category = yield* Fresh.name("Storm")
    const streams = streamsOf(category, 5)
    const after = yield* store.head
    const filters = [
      EventFilter.all(),
      EventFilter.category(category),
      ...streams.slice(0, 2).map((one) => EventFilter.stream(one))
    ]
    const followers = yield* Effect.forEach(filters, (filter) => Follow.start(filter, { after }))
    yield* storm(streams, 8, 25)
    for (const follower of followers) {
      const all = yield* Contents.of(follower.filter)
      yield* Follow.passed(follower, all.at(-1)?.position ?? after)
      const since = all.filter(({ position }) => position > after && position <= follower.through)
      yield* Follow.sawAll("subscribed while 8 writers wrote", follower, since)
    }
  })
)

type Poll = (
  filter: EventFilter.EventFilter,
  after: Position.Position
) => Effect.Effect<
  { readonly events: ReadonlyArray<Recorded>; readonly through: Position.Position },
  EventStoreError,
  EventStore
>

/** Polls again and again while others write, each time from where it came to before. */
const missesNothing = (id: string, poll: Poll) =>
  law(
    id,
    Effect.gen(function* () {
      const store = yield* EventStore
      const category = yield* Fresh.name("Poll")
      const filter = EventFilter.category(category)
      const seen: Array<Recorded> = []
      let after = yield* store.head
      const once = Effect.map(
        Effect.suspend(() => poll(filter, after)),
        ({ events, through }) => {
          seen.push(...events)
          after = Position.max(after, through)
        }
      )
      yield* Check.meanwhile(once, storm(streamsOf(category, 5), 8, 25))
      for (let before = -1; before < after;) {
        before = after
        yield* once
      }
      const positions = (events: ReadonlyArray<Recorded>) => events.map(({ position }) => position)
      const all = positions(yield* Contents.of(filter))
      const known = new Set(positions(seen))
      const did = "polled while 8 writers wrote, each time from where it came to before"
      const behind = all.filter((position) => !known.has(position))
      yield* Check.equal(`${did}: positions that appeared where it had been already`, behind, [])
      yield* Check.equal(`${did}: what it got`, positions(seen), all)
    })
  )

const next = (after: Position.Position) => ({ position: Position.make(after + 1) })

const byReading = missesNothing(
  "EventStore 6.2 nothing appears at or below a position that a read has given out",
  (filter, after) =>
    Effect.map(Contents.of(filter, { from: next(after), limit: 7 }), (events) => ({
      events,
      through: events.at(-1)?.position ?? after
    }))
)

const byHead = missesNothing(
  "EventStore 6.3 nothing appears at or below the head once it was given out",
  Effect.fnUntraced(function* (filter, after) {
    const through = yield* EventStore.use((store) => store.head)
    const events = yield* Contents.of(filter, { from: next(after) })
    return { events: events.filter(({ position }) => position <= through), through }
  })
)

/** The laws of order. */
export const ordering = [dense, time, subscribers, byReading, byHead]
