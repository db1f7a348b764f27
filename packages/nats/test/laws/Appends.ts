// Laws of appending: a lost answer, a conflict and a repeat are told apart, whatever this process believes and others did.
import type { Law } from "@evolvent/testing/conformance"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { EventData } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import type * as EventId from "evolvent/EventId"
import type { EventStore, Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import type { Bench } from "./Bench.ts"
import { eventsOf, isEvent, layoutOf, unbroken } from "./Bench.ts"
import { ApiError } from "../../src/NatsError.ts"
import { before, losingFirst, lost, older } from "./Breaks.ts"
import { equal, law } from "./Law.ts"

export type Store = EventStore["Service"]

export const name = (id: string): StreamName.StreamName => StreamName.make("Account", id)

export const numbered = (n: number, id?: EventId.EventId): EventData => ({
  type: "Counted",
  data: { n },
  ...(id === undefined ? {} : { id })
})

/** How an append ended, in short: the revision, a conflict with the stream's, or what it was refused with. */
export const ended = (
  store: Store,
  id: string,
  events: ReadonlyArray<EventData>,
  expected: Expected = "any"
): Effect.Effect<string> =>
  store.append(name(id), events, { expected }).pipe(
    Effect.map(({ repeated, revision }) => `${repeated ? "repeats" : "at"} ${revision}`),
    Effect.catch((error) =>
      Effect.succeed(
        error._tag === "WrongExpectedRevision"
          ? `conflict at ${error.actual}`
          : error._tag === "EventStoreError"
            ? `${error._tag}, ${error.reason._tag}`
            : error._tag
      )
    )
  )

/** What stands in a stream. */
export const found = (store: Store, id: string) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.stream(name(id)))), (events) =>
    events.map(({ data, revision }) => `${revision}: ${(data as { readonly n: number }).n}`)
  )

const unanswered = law(
  "Append 1 an append whose request or answer is lost is stored once, and is no conflict with itself",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    let n = 0
    for (const server of [unbroken, older]) {
      for (const what of ["request", "answer"] as const) {
        for (const expected of ["noStream", "any", Revision.make(0), "streamExists"] as const) {
          const { store } = yield* eventsOf(layout, (jetstream) =>
            losingFirst(
              isEvent,
              what
            )(
              // It is the second one that is lost where something has to be there.
              server(jetstream)
            )
          )
          const id = `lost ${n++}`
          const isFirst = expected === "noStream" || expected === "any"
          if (!isFirst) yield* ended((yield* eventsOf(layout)).store, id, [numbered(0)])
          const at = isFirst ? 0 : 1
          const did = `lost the ${what} of an append that expected ${expected}`
          yield* equal(did, yield* ended(store, id, [numbered(1), numbered(2)], expected), `at ${at + 1}`)
          yield* equal(`${did}, and appended again`, yield* ended(store, id, [numbered(3)]), `at ${at + 2}`)
          const all = [...(isFirst ? [] : [0]), 1, 2, 3].map((value, i) => `${i}: ${value}`)
          yield* equal(did, yield* found(store, id), all)
        }
      }
    }
  })
)

const overtaken = law(
  "Append 2 an append whose answer is lost finds itself behind what it expected, also where others have gone on since",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = (yield* eventsOf(layout)).store
    for (const server of [unbroken, older]) {
      for (const [i, expected] of (["noStream", "any", Revision.make(0)] as const).entries()) {
        const id = `overtaken ${server === older} ${i}`
        const at = expected === 0 ? 1 : 0
        if (at > 0) yield* ended(other, id, [numbered(0)])
        const more = Effect.forEach([7, 8, 9], (n) => other.append(name(id), [numbered(n)]))
        const { store } = yield* eventsOf(layout, (jetstream) =>
          losingFirst(isEvent, "answer", more)(server(jetstream))
        )
        const did = `lost the answer of an append that expected ${expected}, while others appended three times`
        yield* equal(did, yield* ended(store, id, [numbered(1)], expected), `at ${at}`)
        const there = [...(at > 0 ? [0] : []), 1, 7, 8, 9].map((n, revision) => `${revision}: ${n}`)
        yield* equal(did, yield* found(other, id), there)
        yield* equal(`${did}, and appended again`, yield* ended(store, id, [numbered(2)]), `at ${at + 4}`)
      }
    }
    // What was never stored, while somebody else was faster, is a conflict, and no event of somebody else's is its own.
    const more = other.append(name("never"), [numbered(7)])
    const { store } = yield* eventsOf(layout, losingFirst(isEvent, "request", more))
    const did = "lost the request of an append that expected nothing there, while somebody else appended"
    yield* equal(did, yield* ended(store, "never", [numbered(1)], "noStream"), "conflict at 0")
    yield* equal(did, yield* found(other, "never"), ["0: 7"])
  })
)

const stale = law(
  "Append 3 nothing is decided by where this process saw a stream end last",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const [one, other] = [(yield* eventsOf(layout)).store, (yield* eventsOf(layout)).store]
    yield* ended(one, "stale", [numbered(0)])
    yield* ended(other, "stale", [numbered(1)])
    const did = "appended behind what somebody else had appended,"
    yield* equal(`${did} as it is`, yield* ended(one, "stale", [numbered(2)], Revision.make(1)), "at 2")
    yield* ended(other, "stale", [numbered(3)])
    const first = Revision.make(0)
    yield* equal(`${did} expecting 0`, yield* ended(one, "stale", [numbered(9)], first), "conflict at 3")
    yield* ended(other, "stale", [numbered(4)])
    yield* equal(`${did} as it was`, yield* ended(one, "stale", [numbered(9)], Revision.make(3)), "conflict at 4")
    yield* ended(other, "stale", [numbered(5)])
    const nothing = yield* ended(one, "stale", [], Revision.make(4))
    yield* equal(`${did} nothing, expecting what was`, nothing, "conflict at 5")
    yield* ended(other, "stale", [numbered(6)])
    yield* equal(`${did} whatever it is`, yield* ended(one, "stale", [numbered(7)]), "at 7")
    yield* equal(
      did,
      yield* found(one, "stale"),
      [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `${n}: ${n}`)
    )
  })
)

/** What a process believes whose clock goes wrong by so many milliseconds. */
export const shifted = (millis: number): Effect.Effect<Clock.Clock> =>
  Effect.map(Clock.Clock, (clock) => {
    const now = () => clock.currentTimeMillisUnsafe() + millis
    return {
      ...clock,
      currentTimeMillisUnsafe: now,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      sleep: (duration) => clock.sleep(duration)
    }
  })

const clock = law(
  "Append 4 recordedAt goes back along no stream, whatever the clocks of its writers say",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { driver, store: ahead } = yield* eventsOf(layout)
    const { store } = yield* eventsOf(layout)
    const ids = ["a", "b"]
    const tomorrow = yield* shifted(86_400_000)
    for (const id of ids) yield* Effect.provideService(ended(ahead, id, [numbered(0)]), Clock.Clock, tomorrow)
    for (const id of ids) yield* ended(store, id, [numbered(1)])
    for (const id of ids) yield* ended(ahead, id, [numbered(2)])
    const all = ids.map((id) => ({ stream: name(id), events: [numbered(3)] }))
    if (driver.capabilities.appendAll) yield* store.appendAll(all)
    for (const id of ids) {
      const events = yield* Stream.runCollect(store.read(EventFilter.stream(name(id))))
      const times = events.map(({ recordedAt }) => Number(recordedAt.epochMilliseconds))
      const back = times.filter((time, i) => time < (times[i - 1] ?? 0)).length
      yield* equal("appended by a clock that is a day ahead, and then by one that is not: times that go back", back, 0)
    }
  })
)

const elsewhere = law(
  "Append 5 a message id that the server knows from another subject is no success",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const one = yield* eventsOf(layout)
    yield* ended(one.store, "first", [numbered(1)])
    const [event] = yield* Stream.runCollect(one.store.read(EventFilter.stream(name("first"))))
    if (event === undefined) return
    // No claim says so: the server alone knows it.
    const outcome = yield* ended(one.store, "second", [numbered(1, event.id)])
    const did = "appended to another stream what the server knows by its id"
    yield* equal(did, outcome, "EventIdReused")
    yield* equal(did, yield* found(one.store, "second"), [])
  })
)

const held = law(
  "Append 6 a process that was slow finds that somebody else was faster, and tries again where it may",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = (yield* eventsOf(layout)).store
    let times = 0
    const race = Effect.suspend(() => {
      times += 1
      return times > 3 ? Effect.void : ended(other, "raced", [numbered(times)])
    })
    const { store } = yield* eventsOf(layout, before(isEvent, race))
    const did = "appended while others were faster three times"
    yield* equal(did, yield* ended(store, "raced", [numbered(9)]), "at 3")
    yield* equal(did, yield* found(store, "raced"), ["0: 1", "1: 2", "2: 3", "3: 9"])
    times = 0
    const outcome = yield* ended(store, "raced", [numbered(9)], Revision.make(3))
    yield* equal("appended behind revision 3 while somebody else was faster", outcome, "conflict at 4")
  })
)

const underWay = law(
  "Append 7 an append that is refused while its first copy is still being stored is no conflict with itself",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    let times = 0
    const { store } = yield* eventsOf(layout, (jetstream) => ({
      ...jetstream,
      publish: (subject, ...rest) =>
        Effect.gen(function* () {
          if (!isEvent(subject)) return yield* jetstream.publish(subject, ...rest)
          times += 1
          // The leader of a cluster has it, its servers do not: nobody can read it yet, and whoever comes next is refused.
          if (times === 1) {
            const later = Effect.andThen(Effect.sleep("150 millis"), jetstream.publish(subject, ...rest))
            yield* Effect.forkDetach(Effect.ignore(later))
            return yield* lost(subject)
          }
          const known = yield* jetstream.info(layout.events.name)
          if (known?.state.messages === 0) {
            const problem = "wrong last sequence: 1"
            return yield* new ApiError({ subject, code: 400, number: 10071, problem })
          }
          return yield* jetstream.publish(subject, ...rest)
        })
    }))
    const did = "sent an append again that a cluster was about to store"
    yield* equal(did, yield* ended(store, "under way", [numbered(1)], "noStream"), "at 0")
    yield* equal(did, yield* found(store, "under way"), ["0: 1"])
  })
)

/** Laws of single appends. */
export const appends: ReadonlyArray<Law<Bench>> = [unanswered, overtaken, stale, clock, elsewhere, held, underWay]
