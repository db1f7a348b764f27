// Laws of removal: its two steps, cut off between them, and logs that keep every message.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import type { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import type { Bench, Breaking } from "./Bench.ts"
import { eventsOf, isEvent, layoutOf } from "./Bench.ts"
import { losingFirst, lost } from "./Breaks.ts"
import { equal, law } from "./Law.ts"

const ada = StreamName.make("Account", "ada")
const bob = StreamName.make("Account", "bob")
const event = (n: number) => ({ type: "Counted", data: { n } })
const remove = (store: EventStore["Service"], as: "archived" | "deleted" = "archived") =>
  store.remove(ada, { as, expected: Revision.make(3) })

/** A connection whose first purge is not answered, whether it was carried out or not. */
const purging = (what: "before" | "after"): Breaking => {
  let isOver = false
  return (jetstream) => ({
    ...jetstream,
    purge: (stream, subject, below) =>
      Effect.suspend(() => {
        if (isOver) return jetstream.purge(stream, subject, below)
        isOver = true
        const sent = what === "before" ? Effect.void : jetstream.purge(stream, subject, below)
        return Effect.andThen(sent, Effect.fail(lost(subject)))
      })
  })
}

const filled = Effect.fnUntraced(function* (store: EventStore["Service"]) {
  yield* store.append(ada, [event(0), event(1)])
  yield* store.append(bob, [event(0)])
  yield* store.append(ada, [event(2)])
  yield* store.append(ada, [event(3)])
})

const reasonOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) =>
    "reason" in error ? (error as unknown as { readonly reason: { readonly _tag: string } }).reason._tag : error._tag
  )

const types = (store: EventStore["Service"]) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.stream(ada), { direction: "backwards" })), (events) =>
    events.map(({ type }) => type)
  )

const cutOff = law(
  "Removal 1 cut off between its steps a removal refuses and loads as one, and is ended when it is asked for again",
  Effect.gen(function* () {
    for (const [did, breaking, isLeft] of [
      ["died before the messages went", purging("before"), true],
      ["died when they had gone", purging("after"), false],
      ["lost the answer to the tombstone", losingFirst(isEvent, "answer"), false],
      ["lost the tombstone on its way", losingFirst(isEvent, "request"), false]
    ] as const) {
      const layout = yield* layoutOf({ removal: true })
      const { jetstream, store } = yield* eventsOf(layout)
      yield* filled(store)
      const { store: dying } = yield* eventsOf(layout, breaking)
      yield* Effect.ignore(remove(dying))
      const messages = Effect.map(jetstream.info(layout.events.name), (info) => info?.state.messages)
      yield* equal(`${did}: the messages of both streams`, yield* messages, isLeft ? 5 : 2)
      for (const one of [store, dying]) {
        yield* equal(`${did}, and appended`, yield* reasonOf(one.append(ada, [event(4)])), "StreamArchived")
        const left = isLeft ? ["$archived", ...Array.from({ length: 4 }, () => "Counted")] : ["$archived"]
        yield* equal(`${did}, and read it back from its end`, yield* types(one), left)
        const parts: Array<readonly [number, ReadonlyArray<string>]> = []
        yield* one.history(ada, ({ revision, types }) => Effect.sync(() => parts.push([revision, types]) > 0))
        yield* equal(`${did}, and read its history`, parts, [[4, ["$archived"]]])
      }
      const again = yield* remove(store)
      yield* equal(`${did}, and asked again`, [again.revision, again.repeated], [Revision.make(4), true])
      yield* equal(`${did}, and asked again: the messages`, yield* messages, 2)
      const deleted = yield* remove(store, "deleted")
      yield* equal(`${did}, and deleted it`, [deleted.revision, yield* messages], [Revision.make(5), 2])
      const all = yield* Stream.runCollect(store.read(EventFilter.all()))
      yield* equal(
        `${did}, and deleted it: the log`,
        all.map(({ stream, type }) => `${stream} ${type}`),
        ["Account-bob Counted", "Account-ada $deleted"]
      )
    }
  })
)

const keeps = law(
  "Removal 2 a log that was made to keep every message removes none, and nothing is closed by asking",
  Effect.gen(function* () {
    const { driver, store } = yield* eventsOf(yield* layoutOf())
    yield* filled(store)
    yield* equal("made a log without `removal`", driver.capabilities.remove, false)
    yield* equal("removed a stream of it", yield* reasonOf(remove(store)), "Unsupported")
    yield* equal("appended then", (yield* store.append(ada, [event(4)])).revision, Revision.make(4))
  })
)

const tails = law(
  "Removal 3 a process that knows a stream from before it was removed appends nothing behind its tombstone",
  Effect.gen(function* () {
    const layout = yield* layoutOf({ removal: true })
    const { jetstream, store } = yield* eventsOf(layout)
    const { store: other } = yield* eventsOf(layout)
    yield* filled(store)
    yield* other.append(ada, [], {})
    yield* other.append(bob, [event(1)])
    yield* remove(store)
    for (const one of [other, store]) {
      for (const expected of ["any", "streamExists", Revision.make(3), Revision.make(4)] as const) {
        const refused = one.append(ada, [event(4)], { expected })
        yield* equal(`appended, expecting ${expected}`, yield* reasonOf(refused), "StreamArchived")
      }
    }
    const last = yield* jetstream.last(layout.events.name, `${layout.events.subjects[0]?.slice(0, -1)}Account.ada`)
    yield* equal("looked at the tombstone: what is before it", last?.header("Ev-Prev"), undefined)
  })
)

/** Laws of removal. */
export const removals: ReadonlyArray<Law<Bench>> = [cutOff, keeps, tails]
