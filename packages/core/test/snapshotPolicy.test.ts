// When snapshots are taken: by number, by size, by age, by a predicate; and that taking them is nobody else's business.
import { it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { describe, expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import { InvalidRequest } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import { layerPolicy, SnapshotStore, SnapshotStoreError } from "../src/SnapshotStore.ts"
import type { Grown, Policy } from "../src/SnapshotStore.ts"
import * as StreamName from "../src/StreamName.ts"

const named = <const Name extends string>(name: Name, stateVersion = 1) =>
  Aggregate.make(name, {
    command: Schema.TaggedUnion({ Note: { texts: Schema.Array(Schema.String) } }),
    event: Schema.TaggedUnion({ Noted: { text: Schema.String } }),
    state: Schema.Struct({ length: Schema.Int }),
    initial: { length: 0 },
    stateVersion
  })({
    decide: { Note: ({ texts }) => texts.map((text) => ({ _tag: "Noted" as const, text })) },
    evolve: { Noted: ({ length }, { text }) => ({ length: length + text.length }) }
  })

const Book = named("Book")
const Diary = named("Diary")
const note = (...texts: ReadonlyArray<string>) => Aggregate.execute(Book, "a", { _tag: "Note", texts })

/** The revisions at which snapshots were saved, of a store that may refuse them. */
const saving = (policy: Policy, refuses = false) => {
  const saved: Array<number> = []
  const layer = Layer.effect(
    SnapshotStore,
    Effect.map(SnapshotStore, (store): SnapshotStore["Service"] => ({
      ...store,
      save: (snapshot) =>
        Effect.suspend(() => {
          saved.push(snapshot.revision)
          const reason = new InvalidRequest({ problem: "no room" })
          return refuses
            ? Effect.fail(new SnapshotStoreError({ operation: "SnapshotStore.save", reason }))
            : store.save(snapshot)
        })
    }))
  ).pipe(Layer.provideMerge(Memory.layer), Layer.provideMerge(layerPolicy(policy)))
  return { saved, layer }
}

const settled = Effect.repeat(Effect.yieldNow, { times: 3 })
const times = (n: number) =>
  Effect.forEach(Array.from({ length: n }), () => Effect.andThen(note("x"), settled), { discard: true })

describe("a policy", () => {
  it.effect("of every so many events takes one where an append crosses a multiple", () => {
    const { layer, saved } = saving({ every: 4 })
    return Effect.gen(function* () {
      yield* times(3)
      yield* note("x", "x", "x", "x", "x", "x")
      yield* settled
      yield* times(9)
      expect(saved).toEqual([8, 11, 15])
    }).pipe(Effect.provide(layer))
  })

  it.effect("takes one soon where the state has another shape than its snapshots", () => {
    const { layer, saved } = saving({ every: 10 })
    return Effect.gen(function* () {
      yield* times(13)
      const Next = named("Book", 2)
      yield* Aggregate.execute(Next, "a", { _tag: "Note", texts: ["x"] })
      yield* settled
      expect(saved).toEqual([9, 13])
      yield* Aggregate.execute(Next, "a", { _tag: "Note", texts: ["x"] })
      yield* settled
      expect(saved).toEqual([9, 13])
    }).pipe(Effect.provide(layer))
  })

  it.effect("says in a line, without a stack, that one could not be saved", () => {
    const lines: Array<unknown> = []
    const logger = Logger.make(({ cause, message }) => lines.push([message, cause.reasons.length]))
    return Effect.gen(function* () {
      yield* times(2)
      expect(lines).toEqual([[[expect.stringMatching(/^No snapshot of Book-a: SnapshotStore\.save: .*no room/)], 0]])
    }).pipe(Effect.provide([saving({ every: 2 }, true).layer, Logger.layer([logger])]))
  })

  it.effect("tries one that was refused again when its limit is reached again, and not with each command", () => {
    const { layer, saved } = saving({ every: 5 }, true)
    return Effect.gen(function* () {
      yield* times(14)
      expect(saved).toEqual([4, 9])
      expect((yield* Aggregate.load(Book, "a")).state.length).toBe(14)
    }).pipe(Effect.provide(layer))
  })

  it.effect("of bytes counts the data of the events that no snapshot holds", () => {
    const text = "ä".repeat(8)
    const one = JSON.stringify({ text }).length + text.length
    const { layer, saved } = saving({ bytes: 3 * one })
    return Effect.gen(function* () {
      for (let i = 0; i < 8; i++) yield* Effect.andThen(note(text), settled)
      yield* note("long".repeat(30))
      yield* settled
      expect(saved).toEqual([3, 7, 8])
    }).pipe(Effect.provide(layer))
  })

  it.effect("of age takes one when the last is older, and none of a stream's first command", () => {
    const { layer, saved } = saving({ olderThan: "1 hour" })
    return Effect.gen(function* () {
      yield* times(3)
      expect(saved).toEqual([1])
      yield* TestClock.adjust("59 minutes")
      yield* times(1)
      expect(saved).toEqual([1])
      yield* TestClock.adjust("2 minutes")
      yield* times(2)
      expect(saved).toEqual([1, 4])
    }).pipe(Effect.provide(layer))
  })

  it.effect("of a predicate is asked with what is known", () => {
    const known: Array<Grown> = []
    const { layer, saved } = saving({
      when: (grown) => {
        known.push(grown)
        if (grown.revision === 1) throw new Error("no idea")
        return grown.revision === 3
      }
    })
    return Effect.gen(function* () {
      yield* times(2)
      yield* TestClock.adjust("1 minute")
      yield* note("x", "y")
      yield* settled
      yield* TestClock.adjust("1 minute")
      yield* times(1)
      expect(saved).toEqual([3])
      const bytes = '{"text":"x"}'.length
      const stream = StreamName.make("Book", "a")
      const of = { aggregate: "Book", stream }
      expect(known[0]).toEqual({
        ...of,
        revision: 0,
        position: 1,
        events: 1,
        appended: 1,
        bytes,
        age: Duration.infinity
      })
      expect(known[2]).toMatchObject({ ...of, revision: 3, position: 4, events: 4, appended: 2, bytes: 4 * bytes })
      expect(known[3]).toMatchObject({ revision: 4, events: 1, appended: 1, bytes, age: Duration.minutes(1) })
      expect(known.length).toBe(4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("may be several, the one that names an aggregate before the one that names none", () => {
    const { layer, saved } = saving([{ every: 2 }, { of: [Book], every: 3 }])
    return Effect.gen(function* () {
      yield* times(4)
      expect(saved).toEqual([2])
      yield* Aggregate.execute(Diary, "a", { _tag: "Note", texts: ["x", "y"] })
      yield* settled
      expect(saved).toEqual([2, 1])
    }).pipe(Effect.provide(layer))
  })

  it("that makes no sense is refused when it is made", () => {
    const wrong: ReadonlyArray<readonly [Policy, RegExp]> = [
      [{ every: 0 }, /every 0 events/],
      [{ every: 1.5 }, /every 1.5 events/],
      [{ bytes: Number.NaN }, /more than NaN bytes/],
      [{ olderThan: Infinity }, /older than Infinity ms/],
      [{}, /give it every, bytes, olderThan or when/],
      [[{ every: 1 }, { bytes: 1 }], /Two rules say when snapshots of all aggregates/],
      [
        [
          { of: [Book], every: 1 },
          { of: [Diary, Book], bytes: 1 }
        ],
        /Two rules say when snapshots of Book/
      ]
    ]
    for (const [policy, words] of wrong) expect(() => layerPolicy(policy)).toThrow(words)
  })
})
