// Law 9 of an event store: a subscription goes from catch-up to live without gap or repeat, and can go on later.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Follow from "./Follow.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

/** Appends to a few streams of a category, one append after the other. */
const write = Effect.fnUntraced(function* (category: string, appends: number, each: number, from = 0) {
  const store = yield* EventStore
  for (let i = 0; i < appends; i++) {
    yield* store.append(
      StreamName.make(category, String(i % 3)),
      Fresh.events(each, from + i * each, i % 2 === 0 ? "Even" : "Odd")
    )
    if (i % 5 === 0) yield* Effect.yieldNow
  }
})

/** The follower passes the last event of its filter, and has seen all that is stored. */
const isComplete = Effect.fnUntraced(function* (did: string, follower: Follow.Follower, after = Position.beginning) {
  const all = yield* Contents.of(follower.filter, { from: { position: Position.make(after + 1) } })
  yield* Follow.passed(follower, all.at(-1)?.position ?? after)
  yield* Follow.sawAll(
    did,
    follower,
    all.filter(({ position }) => position <= follower.through)
  )
})

const catchUp = law(
  "EventStore 9.1 a subscription goes from catch-up to live under writes, without gap or repeat",
  Effect.gen(function* () {
    const category = yield* Fresh.name("CatchUp")
    yield* write(category, 8, 150)
    const follower = yield* Follow.start(EventFilter.category(category))
    yield* write(category, 40, 5, 1200)
    yield* isComplete("subscribed to 1200 events and 200 more", follower)
    yield* Check.equal(
      "subscribed to 1200 events and 200 more: the numbers",
      Fresh.numbers(follower.events),
      Fresh.range(1400)
    )
    yield* write(category, 3, 1, 1400)
    yield* isComplete("wrote three more while it was waiting", follower)
  })
)

const several = law(
  "EventStore 9.2 several subscribers, each with its own filter, get exactly what is theirs",
  Effect.gen(function* () {
    const store = yield* EventStore
    const [a, b] = [yield* Fresh.name("A"), yield* Fresh.name("B")]
    const after = yield* store.head
    const filters = [
      EventFilter.category(a),
      EventFilter.category(b, { types: ["Odd"] }),
      EventFilter.categories([{ category: a, types: ["Even"] }, { category: b }]),
      EventFilter.stream(StreamName.make(a, "1")),
      EventFilter.all()
    ]
    const followers = yield* Effect.forEach(filters, (filter) => Follow.start(filter, { after }))
    yield* Effect.all([write(a, 20, 2), write(b, 20, 2)], { concurrency: "unbounded" })
    for (const follower of followers) yield* isComplete("subscribed five times with different filters", follower, after)
  })
)

const slow = law(
  "EventStore 9.3 a slow subscriber loses nothing and holds up nobody",
  Effect.gen(function* () {
    const category = yield* Fresh.name("Slow")
    const filter = EventFilter.category(category)
    const latch = yield* Latch.make()
    const gate = Effect.gen(function* () {
      yield* latch.await
      yield* Effect.yieldNow
    })
    const slow = yield* Follow.start(filter, { pause: gate })
    const fast = yield* Follow.start(filter)
    yield* write(category, 3, 1)
    yield* Check.eventually(
      "subscribed, then waited",
      "the first page arrives",
      Effect.sync(() => slow.pages),
      (n) => n > 0
    )
    for (let i = 0; i < 30; i++) {
      yield* write(category, 1, 20, 3 + 20 * i)
      yield* isComplete("followed beside a slow subscriber", fast)
    }
    yield* latch.open
    yield* isComplete("stood still while 600 events were written", slow)
    yield* Check.equal(
      "stood still while 600 events were written: the numbers",
      Fresh.numbers(slow.events),
      Fresh.range(603)
    )
  })
)

const emptyPages = law(
  "EventStore 9.4 a subscriber whose filter matches nothing still advances",
  Effect.gen(function* () {
    const store = yield* EventStore
    const idle = yield* Fresh.name("Idle")
    const busy = yield* Fresh.name("Busy")
    for (const filter of [EventFilter.category(idle), EventFilter.stream(StreamName.make(idle, "1"))]) {
      const follower = yield* Follow.start(filter, { after: yield* store.head })
      yield* write(busy, 5, 3)
      yield* Follow.passed(follower, yield* store.head)
      yield* write(busy, 5, 3)
      yield* Follow.passed(follower, yield* store.head)
      yield* Check.equal("followed a category without events", follower.events, [])
    }
  })
)

const interrupted = law(
  "EventStore 9.5 interrupting a subscription ends it, whether it reads or waits",
  Effect.gen(function* () {
    const category = yield* Fresh.name("Stop")
    yield* write(category, 3, 1)
    const idle = yield* Follow.start(EventFilter.category(category))
    yield* isComplete("subscribed", idle)
    const stop = (follower: Follow.Follower) =>
      Effect.asVoid(Effect.flatMap(Effect.forkDetach(follower.stop), Fiber.join))
    yield* Check.inTime("interrupted a subscription that waits", stop(idle))
    const busy = yield* Follow.start(EventFilter.category(category), { pause: Effect.never })
    yield* Check.eventually(
      "subscribed",
      "a page arrives",
      Effect.sync(() => busy.pages),
      (n) => n > 0
    )
    yield* Check.inTime("interrupted a subscription in a page", stop(busy))
    const before = [idle.events.length, busy.pages]
    yield* write(category, 3, 1, 3)
    const other = yield* Follow.start(EventFilter.category(category))
    yield* isComplete("subscribed again", other)
    yield* Check.equal(
      "wrote after the interruption: what the stopped ones have",
      [idle.events.length, busy.pages],
      before
    )
  })
)

const resumed = law(
  "EventStore 9.6 a subscription after what was passed continues exactly there",
  Effect.gen(function* () {
    const store = yield* EventStore
    const category = yield* Fresh.name("Resume")
    const filter = EventFilter.category(category)
    let after = yield* store.head
    let writing = true
    const seen: Array<number> = []
    const writer = yield* Effect.forkScoped(
      Effect.ensuring(
        write(category, 120, 3),
        Effect.sync(() => {
          writing = false
        })
      )
    )
    // Takes a page or two at a time, whatever they hold, and subscribes anew.
    while (true) {
      const head = yield* store.head
      if (after >= head) {
        if (!writing) break
        yield* Effect.yieldNow
        continue
      }
      const pages = yield* Check.inTime(
        `subscribed after position ${after}, which is below the head`,
        store.subscribe(filter, { after }).pipe(
          Stream.takeUntil(({ through }) => through >= head),
          Stream.take(1 + (seen.length % 2)),
          Stream.runCollect
        )
      )
      for (const page of pages) {
        seen.push(...page.events.map(({ position }) => position))
        after = page.through
      }
    }
    yield* Fiber.join(writer)
    const all = (yield* Contents.of(filter)).map(({ position }): number => position)
    yield* Check.equal("subscribed again and again, each time after what was passed: positions seen", seen, all)
  })
)

const ahead = law(
  "EventStore 9.7 a subscription after a position above the head is a typed error",
  Effect.gen(function* () {
    const store = yield* EventStore
    yield* store.append(yield* Fresh.stream(), Fresh.events(1))
    const after = Position.make((yield* store.head) + 1_000_000_000)
    const call = Stream.runDrain(store.subscribe(EventFilter.all(), { after }))
    const did = `subscribed after position ${after}, far above the head`
    const reason = yield* Check.refusedBecause(did, Check.inTime(did, call), "CheckpointAheadOfStore")
    yield* Check.equal(`${did}: what the error says`, reason.after, after)
    const ok = yield* Follow.start(EventFilter.all(), { after: yield* store.head })
    const { position } = yield* store.append(yield* Fresh.stream(), Fresh.events(1))
    yield* Follow.passed(ok, position)
  })
)

/** The laws of subscribing. */
export const subscribing = [catchUp, several, slow, emptyPages, interrupted, resumed, ahead]
