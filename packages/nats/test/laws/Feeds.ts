// Laws of feeds: whatever the server says, forgets or counts wrong, a reader misses nothing and goes no further than it has read.
import type { Law } from "@evolvent/testing/conformance"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { ended, name, numbered, shifted } from "./Appends.ts"
import type { Store } from "./Appends.ts"
import { Bench, eventsOf, layoutOf } from "./Bench.ts"
import type { Breaking } from "./Bench.ts"
import { hearing, numbersOf, waiting } from "./Breaks.ts"
import { broken, equal, eventually, law } from "./Law.ts"

const all = EventFilter.all()

const numberOf = ({ data }: { readonly data: unknown }): number => (data as { readonly n: number }).n

/** Appends so many events, each to a stream of its own. */
const fill = (store: Store, from: number, until: number, category = "Account") =>
  Effect.forEach(
    Array.from({ length: until - from }, (_, i) => from + i),
    (n) => store.append(StreamName.make(category, String(n)), [numbered(n)]),
    { discard: true }
  )

/** Follows everything, and writes down what it got. */
const follow = Effect.fnUntraced(function* (store: Store) {
  const got: Array<number> = []
  const following = Stream.runForEach(store.subscribe(all), ({ events }) =>
    Effect.sync(() => void got.push(...events.map(numberOf)))
  )
  yield* Effect.forkScoped(following)
  return got
})

const hole = law(
  "Feed 1 a read whose server leaves out a message has it all the same",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    yield* fill((yield* eventsOf(layout)).store, 0, 8)
    const dropThird: Breaking = hearing((message, feed) =>
      feed === 1 && numbersOf(message)?.n === 3 ? undefined : message
    )
    const { store } = yield* eventsOf(layout, dropThird)
    const events = yield* Stream.runCollect(store.read(all))
    yield* equal("read eight events, the third of which did not come", events.map(numberOf), [0, 1, 2, 3, 4, 5, 6, 7])
  })
)

/** Follows three events on a connection that something is wrong with, and then three more. */
const followed = (id: string, did: string, wrong: () => Breaking) =>
  law(
    id,
    Effect.gen(function* () {
      const layout = yield* layoutOf()
      const other = (yield* eventsOf(layout)).store
      yield* fill(other, 0, 3)
      const got = yield* follow((yield* eventsOf(layout, wrong())).store)
      const look = Effect.succeed(got)
      yield* eventually(did, "it has the first three", look, ({ length }) => length >= 3, 5000)
      yield* fill(other, 3, 6)
      yield* eventually(did, "it has all six", look, ({ length }) => length >= 6, 5000)
      yield* equal(did, got, [0, 1, 2, 3, 4, 5])
    })
  )

const last = followed(
  "Feed 2 a follower to whom the last message did not come hears of it from the server's next word",
  "followed, and the third message did not come",
  () => hearing((message, feed) => (feed === 1 && numbersOf(message)?.n === 3 ? undefined : message))
)

const counted = followed(
  "Feed 3 a follower takes what there is, also where the server counts more that is never to come",
  "followed, and the server said of each message that five more are waiting",
  () =>
    hearing((message) => {
      const numbers = numbersOf(message)
      return numbers === undefined ? message : waiting(message, numbers.pending + 5)
    })
)

const silent = followed(
  "Feed 4 a follower that hears nothing more at all begins anew where it was",
  "followed, and after three messages nothing more came, not even a heartbeat",
  () => {
    let heard = 0
    return hearing((message, feed) => {
      if (feed > 1) return message
      if (numbersOf(message) !== undefined) heard += 1
      return heard > 3 || (heard === 3 && numbersOf(message) === undefined) ? undefined : message
    })
  }
)

const pages = law(
  "Feed 5 a page goes as far as its last message, and no further while more of it is to be given",
  Effect.gen(function* () {
    const { backend } = yield* Bench
    const layout = yield* layoutOf()
    const { jetstream, store } = yield* eventsOf(layout)
    yield* fill(store, 0, 20)
    const feed = yield* backend.feed.open(jetstream, layout.events.name, undefined, { sequence: 1 })
    const throughs: Array<number> = []
    for (const max of [10, 3, 3, 10]) {
      const { messages, through } = yield* feed.next(max, true)
      throughs.push(through - (messages.at(-1)?.sequence ?? 0))
      // The next ones come meanwhile.
      yield* Effect.sleep(30)
    }
    yield* equal("took pages of 10, 3, 3 and 10: how far each goes beyond its last message", throughs, [0, 0, 0, 0])
  })
)

const nothing = law(
  "Feed 6 a follower for whom there is nothing goes on all the same, and not beyond what there is",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { driver, store } = yield* eventsOf(layout)
    yield* fill(store, 0, 5)
    const next = yield* driver.follow?.(EventFilter.category("Nobody"), Position.beginning) ?? Effect.never
    const far = yield* next
    yield* equal("followed a category without events", far.through, yield* driver.head)
    yield* fill(store, 5, 6)
    yield* equal("followed it on", (yield* next).through, yield* driver.head)
  })
)

const backwards = law(
  "Feed 7 reading backwards gives what reading forwards gives, turned round, however thinly it is strewn",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { store } = yield* eventsOf(layout)
    for (let n = 0; n < 260; n++) {
      yield* store.append(StreamName.make(n % 5 === 0 ? "Rare" : "Account", String(n % 11)), [numbered(n)])
    }
    for (const filter of [all, EventFilter.category("Rare"), EventFilter.category("Account")]) {
      const there = (yield* Stream.runCollect(store.read(filter))).map(numberOf)
      const back = (yield* Stream.runCollect(store.read(filter, { direction: "backwards" }))).map(numberOf)
      yield* equal("read all backwards", back, there.toReversed())
      for (const limit of [1, 7, 63, 64, 65]) {
        const some = yield* Stream.runCollect(store.read(filter, { direction: "backwards", limit }))
        yield* equal(`read ${limit} backwards`, some.map(numberOf), there.toReversed().slice(0, limit))
      }
    }
  })
)

const clocks = law(
  "Feed 8 a time is that of the writers, whatever the server's clock says",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { store } = yield* eventsOf(layout)
    const now = yield* Clock.currentTimeMillis
    const write = (id: string, n: number, millis: number) =>
      Effect.flatMap(shifted(millis), (clock) =>
        Effect.provideService(ended(store, id, [numbered(n)]), Clock.Clock, clock)
      )
    yield* write("slow", 0, -50_000)
    yield* write("quick", 1, 50_000)
    const at = (millis: number) => ({ time: DateTime.makeUnsafe(now + millis) })
    const ahead = yield* Stream.runCollect(store.read(all, { from: at(40_000) }))
    yield* equal("read from a time on that one writer has come to already", ahead.map(numberOf), [1])
    const behind = yield* Stream.runCollect(store.read(all, { direction: "backwards", from: at(-40_000) }))
    yield* equal("read backwards from a time that one writer has not come to yet", behind.map(numberOf), [0])
  })
)

const lagging = law(
  "Feed 9 a stream is not folded with a hole in it, whatever the server that was asked has not got yet",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { store: whole } = yield* eventsOf(layout)
    for (let n = 0; n < 6; n++) yield* ended(whole, "folded", [numbered(n)])
    let asked = 0
    for (const missing of [3, 1]) {
      const { driver, store } = yield* eventsOf(layout, (jetstream) => ({
        ...jetstream,
        direct: (stream, sequence) =>
          // As a server takes a moment to say so.
          Effect.suspend(() => {
            asked += 1
            const found = sequence === missing ? Effect.undefined : jetstream.direct(stream, sequence)
            return Effect.andThen(Effect.sleep(1), found)
          })
      }))
      const history = driver.history
      if (history === undefined) return
      const did = `asked a server for six events that has not got message ${missing}`
      const folded = yield* Effect.result(history(name("folded"), Revision.make(0), 100))
      if (folded._tag === "Success") {
        const revisions = folded.success.histories.map(({ revision }) => Number(revision))
        return yield* broken(did, "a failure", revisions)
      }
      yield* equal(did, folded.failure.isRetryable, true)
      const filter = EventFilter.stream(name("folded"))
      const read = yield* Effect.result(Stream.runCollect(store.read(filter, { direction: "backwards" })))
      yield* equal(`${did}, and read them backwards`, read._tag, "Failure")
    }
    if (asked === 0)
      return yield* broken("read a stream", "messages are asked for by number, or the law shows nothing", asked)
  })
)

const onwards = law(
  "Feed 10 where a page ends another process goes on, and nothing is missing or comes twice",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [one, other] = [yield* eventsOf(layout), yield* eventsOf(layout)]
    for (let n = 0; n < 9; n += 3) yield* ended(one.store, "paged", [numbered(n), numbered(n + 1), numbered(n + 2)])
    for (const filter of [all, EventFilter.category("Account"), EventFilter.stream(name("paged"))]) {
      for (let limit = 1; limit < 9; limit++) {
        const read = (from: Position.Position, { driver }: typeof one) =>
          driver.read({
            filter,
            direction: "forwards",
            from: { _tag: "Position", position: from },
            limit,
            follows: false
          })
        const first = yield* read(Position.beginning, one)
        const second = yield* read(Position.make(first.through + 1), other)
        const revisions = [...first.events, ...second.events].map(({ revision }) => Number(revision))
        const expected = Array.from({ length: Math.min(9, 2 * limit) }, (_, i) => i)
        yield* equal(`read two pages of ${limit} by two processes`, revisions, expected)
        const after = first.events.at(-1)?.position ?? first.through
        const next = yield* other.driver.follow?.(filter, after) ?? Effect.never
        const [behind] = limit === 9 ? [] : (yield* next).events
        yield* equal(`followed from event ${limit - 1} on`, Number(behind?.revision), limit)
      }
    }
  })
)

const long = law(
  "Feed 11 the history of a long stream is the same in pages of any size, and from any revision",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { driver, store } = yield* eventsOf(layout)
    const history = driver.history
    if (history === undefined) return
    const count = 810
    for (let n = 0; n < count; n += 3) yield* ended(store, "long", [numbered(n), numbered(n + 1), numbered(n + 2)])
    const from = (revision: number, limit: number) =>
      Effect.map(history(name("long"), Revision.make(revision), limit), ({ histories }) =>
        histories.flatMap(({ data }) => data.map((one) => numberOf({ data: one })))
      )
    // Some of these pages end within a message; of the smallest two are so far from the end that they are fed.
    for (const size of [20, 100, 300]) {
      const folded: Array<number> = []
      while (folded.length < count) {
        const page = yield* from(folded.length, size)
        folded.push(...page)
        if (page.length === 0) break
      }
      const expected = Array.from({ length: count }, (_, i) => i)
      yield* equal(`folded ${count} events in pages of ${size}`, folded, expected)
    }
    for (const revision of [1, 31, 43, 44, 806, 809]) {
      const page = yield* from(revision, 3)
      const expected = [0, 1, 2].map((i) => revision + i).filter((n) => n < count)
      yield* equal(`folded three events from ${revision} on`, page, expected)
    }
  })
)

/** Laws of feeds and of reading. */
export const feeds: ReadonlyArray<Law<Bench>> = [
  hole,
  last,
  counted,
  silent,
  pages,
  nothing,
  backwards,
  clocks,
  lagging,
  onwards,
  long
]
