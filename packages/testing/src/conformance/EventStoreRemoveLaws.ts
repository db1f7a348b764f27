// The laws of an event store for streams that are removed: nothing is left but a tombstone, and nothing goes behind it.
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import type { Expected } from "evolvent/EventStore"
import type { EventIdReused, EventStoreError, WrongExpectedRevision } from "evolvent/EventStoreError"
import * as Metadata from "evolvent/Metadata"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { cannot, filled, isLeftOf, remove } from "./Removing.ts"

const leaves = law(
  "EventStore 12.1 of a stream that is removed its tombstone is left, behind where it ended, and of others everything",
  Effect.gen(function* () {
    if (yield* cannot) return
    const other = yield* filled(3)
    for (const [count, each] of [
      [1, 1],
      [5, 2],
      [300, 100],
      [1500, 500]
    ] as const) {
      const { events, last, stream } = yield* filled(count, each)
      const did = `removed a stream of ${count} events`
      const said = { archive: "shelf 7", reason: "closed" }
      const { position, repeated, revision } = yield* remove(stream, last, said).pipe(
        Effect.provideService(Metadata.Current, { actor: "ada" })
      )
      yield* Check.equal(did, [Number(revision), repeated], [count, false])
      yield* isLeftOf(did, events, { type: "$archived", data: { events: count, last: events.at(-1)?.id, ...said } })
      const [tombstone] = yield* Contents.ofStream(stream)
      yield* Check.equal(`${did}: where it stands`, tombstone?.position, position)
      yield* Check.holds(`${did}: where it stands`, "behind all", position > (events.at(-1)?.position ?? 0), [
        position,
        events.at(-1)?.position
      ])
      yield* Check.equal(`${did}: by whom`, tombstone?.metadata.actor, "ada")
    }
    yield* Contents.are("removed other streams", other.stream, [0, 1, 2])
  })
)

type AppendError = EventIdReused | EventStoreError | WrongExpectedRevision

const refuses = law(
  "EventStore 12.2 nothing is appended to a stream that was removed, whatever is expected and whatever is brought",
  Effect.gen(function* () {
    if (yield* cannot) return
    const store = yield* EventStore
    for (const [as, reason] of [
      ["archived", "StreamArchived"],
      ["deleted", "StreamDeleted"]
    ] as const) {
      const stream = yield* Fresh.stream()
      const known = yield* Fresh.identified(2)
      yield* store.append(stream, known)
      yield* store.append(stream, Fresh.events(1, 2))
      yield* remove(stream, 2, { as, archive: "shelf 7", reason: "closed" })
      const refused = <A>(did: string, effect: Effect.Effect<A, AppendError>) =>
        Effect.asVoid(
          Check.refusedBecause<A, AppendError, never, typeof reason>(`${as} a stream, and ${did}`, effect, reason)
        )
      const all: ReadonlyArray<Expected> = [
        "any",
        "noStream",
        "streamExists",
        ...[0, 2, 3, 4].map((n) => Revision.make(n))
      ]
      for (const expected of all) {
        yield* refused(`appended, expecting ${expected}`, store.append(stream, Fresh.events(1), { expected }))
        yield* refused(`appended two, expecting ${expected}`, store.append(stream, Fresh.events(2), { expected }))
        yield* refused(`appended with ids, expecting ${expected}`, store.append(stream, known, { expected }))
        yield* refused(`appended nothing, expecting ${expected}`, store.append(stream, [], { expected }))
      }
      yield* refused("appended one of its events again", store.append(stream, known.slice(0, 1)))
      yield* Effect.forEach(
        Fresh.range(20),
        (n) =>
          refused(
            "appended with others",
            store.append(stream, Fresh.events(1), n % 2 === 0 ? {} : { expected: Revision.make(3) })
          ),
        { concurrency: "unbounded" }
      )
      const error = yield* Effect.flip(store.append(stream, Fresh.events(1)))
      yield* Check.holds(
        `${as} a stream, and appended`,
        "names the stream",
        error.message.includes(stream),
        error.message
      )
      if (store.capabilities.appendAll) {
        const other = yield* Fresh.stream()
        const both = [
          { stream: other, events: Fresh.events(1) },
          { stream, events: Fresh.events(1) }
        ]
        yield* refused("appended to it and another one", store.appendAll(both))
        yield* Contents.are("appended to it and another one", other, [])
      }
      const left = yield* Contents.ofStream(stream)
      yield* Check.equal(
        `${as} a stream, and tried to append`,
        left.map(({ type }) => type),
        [`$${as}`]
      )
    }
    const open = yield* Fresh.stream()
    for (const type of ["$archived", "$deleted", "$restored"]) {
      const own = store.append(open, [{ type, data: { events: 1 } }])
      yield* Check.refusedBecause(`appended an event of type ${type}`, own, "UnstorableContent")
    }
    yield* Contents.are("appended tombstones", open, [])
  })
)

const races = law(
  "EventStore 12.3 of an append and a removal that race one wins: what was acknowledged is not removed unseen",
  Effect.gen(function* () {
    if (yield* cannot) return
    const store = yield* EventStore
    for (const round of Fresh.range(12)) {
      const { last, stream } = yield* filled(3, 3)
      const writers = Fresh.range(3).map((n) =>
        Effect.asVoid(store.append(stream, Fresh.events(1, 3 + n), n === 0 ? { expected: last } : {}))
      )
      const removal = Effect.asVoid(store.remove(stream, { as: "archived", expected: last }))
      const order = [...writers.slice(0, round % 4), removal, ...writers.slice(round % 4)]
      const results = yield* Check.race<void, AppendError, never>(order)
      const removed = results[Math.min(round % 4, writers.length)]
      const { won } = Check.sides(results)
      const events = yield* Contents.ofStream(stream)
      const did = `let three append to a stream of three while it was removed (round ${round})`
      if (removed?._tag === "Success") {
        yield* Check.equal(`${did}: who else got through beside the removal`, won.length - 1, 0)
        yield* Check.equal(
          `${did}: what is left`,
          events.map(({ type }) => type),
          ["$archived"]
        )
      } else {
        yield* Check.equal(
          `${did}: the removal`,
          removed?._tag === "Failure" && removed.failure._tag,
          "WrongExpectedRevision"
        )
        yield* Check.equal(`${did}: how many events there are`, events.length, 3 + won.length)
      }
    }
  })
)

const asks = law(
  "EventStore 12.4 a stream is removed under its revision, once, by whoever asks how often; archived may become deleted",
  Effect.gen(function* () {
    if (yield* cannot) return
    const { events, stream } = yield* filled(3)
    for (const wrong of [0, 1, 3, 7]) {
      const did = `removed a stream that ends at 2, expecting ${wrong}`
      const { actual } = yield* Check.refused(did, remove(stream, wrong), "WrongExpectedRevision")
      yield* Check.equal(did, actual, 2)
    }
    yield* Check.refused("removed a stream without events", remove(yield* Fresh.stream(), 0), "WrongExpectedRevision")
    yield* Contents.are("removed with wrong expectations", stream, [0, 1, 2])
    const { lost, won } = Check.sides(yield* Check.race(Fresh.range(6).map(() => remove(stream, 2))))
    yield* Check.equal("let six remove a stream", lost, [])
    yield* Check.equal("let six remove a stream: the first", won.filter(({ repeated }) => !repeated).length, 1)
    yield* Check.equal("let six remove a stream: where", new Set(won.map(({ position }) => position)).size, 1)
    yield* isLeftOf("let six remove a stream", events, {
      type: "$archived",
      data: { events: 3, last: events.at(-1)?.id }
    })
    yield* Check.refused("removed it, expecting another revision", remove(stream, 1), "WrongExpectedRevision")

    const deleted = yield* remove(stream, 2, { as: "deleted" })
    yield* Check.equal("deleted what was archived", [Number(deleted.revision), deleted.repeated], [4, false])
    const again = yield* remove(stream, 2, { as: "deleted" })
    yield* Check.equal("deleted it again", again, { ...deleted, repeated: true })
    const left = yield* Contents.ofStream(stream)
    yield* Check.equal(
      "deleted what was archived: what is left",
      left.map(({ data, type }) => ({ type, data })),
      [{ type: "$deleted", data: { events: 3 } }]
    )
    yield* Check.refusedBecause("archived what was deleted", remove(stream, 2), "StreamDeleted")

    const own = StreamName.make("$law", yield* Fresh.name("law"))
    yield* (yield* EventStore).append(own, Fresh.events(1))
    yield* Check.refusedBecause("removed a stream of the library's own", remove(own, 0), "InvalidRequest")
    yield* Contents.are("removed a stream of the library's own", own, [0])
    yield* Check.equal("looked at the tombstone's place", left[0]?.position ?? Position.beginning, deleted.position)
  })
)

/** The laws of removing streams. */
export const removing = [leaves, refuses, races, asks]
