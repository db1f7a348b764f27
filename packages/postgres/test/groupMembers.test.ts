// Every member of a group has its own right outcome, and no neighbour's.
import * as Effect from "effect/Effect"
import type { Appended } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import { expect, it } from "vitest"
import { fresh, heldOpen, numbered, numbers, read, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema })
const { events, run } = store
const at = Revision.make

type Call = Effect.Effect<Appended, Error>
const atOnce = (calls: ReadonlyArray<Call>) =>
  Effect.all(
    calls.map((call) => Effect.result(Effect.timeout(call, "20 seconds"))),
    { concurrency: "unbounded" }
  )

it("stored, conflict, repeat, reused, refused, held: at once, in many groups, each gets what is its own", () =>
  run(
    Effect.gen(function* () {
      const known = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, i) => i),
        (n) => {
          const [stream, event] = [fresh(), numbered(n)]
          return Effect.map(events.append(stream, [event]), (first) => ({ stream, event, first, n }))
        }
      )
      const heldStream = fresh()
      const heldId = numbered(0)
      const held = yield* heldOpen(
        stranger,
        Effect.andThen(stranger.events.append(heldStream, [numbered(50)]), stranger.events.append(fresh(), [heldId]))
      )
      const kinds = {
        stored: () => events.append(fresh(), [numbered(1), numbered(2)], { expected: "noStream" }),
        exact: (i: number) => events.append(known[i % 8]?.stream ?? fresh(), [], { expected: at(0) }),
        conflict: (i: number) => events.append(known[i % 8]?.stream ?? fresh(), [numbered(9)], { expected: at(3) }),
        missing: () => events.append(fresh(), [numbered(9)], { expected: "streamExists" }),
        repeat: (i: number) => {
          const one = known[i % 8]
          return events.append(one?.stream ?? fresh(), one === undefined ? [] : [one.event], {
            expected: i % 3 === 0 ? "noStream" : "any"
          })
        },
        reused: (i: number) => events.append(fresh(), [known[i % 8]?.event ?? numbered(0)], { expected: "noStream" }),
        partly: (i: number) =>
          events.append(known[i % 8]?.stream ?? fresh(), [known[i % 8]?.event ?? numbered(0), numbered(9)]),
        long: () => events.append(fresh("x".repeat(3000)), [numbered(9)]),
        version: () => events.append(fresh(), [{ ...numbered(9), schemaVersion: 2 ** 31 }]),
        heldStream: () => events.append(heldStream, [numbered(60)]),
        heldId: () => events.append(fresh(), [heldId])
      }
      const names = Object.keys(kinds) as ReadonlyArray<keyof typeof kinds>
      const plan = Array.from({ length: 160 }, (_, i) => ({ i, name: names[(i * 7) % names.length] ?? "stored" }))
      const releasing = Effect.delay(held.commit, 400)
      const [results] = yield* Effect.all([atOnce(plan.map(({ i, name }) => kinds[name](i))), releasing], {
        concurrency: "unbounded"
      })
      const said = results.map((result) => {
        if (result._tag === "Success") return result.success.repeated ? "repeated" : "stored"
        const { failure } = result
        return "reason" in failure
          ? (failure.reason as { readonly _tag: string })._tag
          : (failure as { _tag?: string })._tag
      })
      const right: Record<keyof typeof kinds, string> = {
        stored: "stored",
        exact: "stored",
        conflict: "WrongExpectedRevision",
        missing: "WrongExpectedRevision",
        repeat: "repeated",
        reused: "EventIdReused",
        partly: "EventIdReused",
        long: "InvalidStreamName",
        version: "UnstorableContent",
        heldStream: "stored",
        heldId: "EventIdReused"
      }
      expect(said.map((what, i) => `${plan[i]?.name} ${what}`)).toEqual(
        plan.map(({ name }) => `${name} ${right[name]}`)
      )
      for (const [k, { name, i }] of plan.entries()) {
        const result = results[k]
        if (name !== "repeat" || result?._tag !== "Success") continue
        expect(result.success).toEqual({ ...known[i % 8]?.first, repeated: true })
      }
      for (const { n, stream } of known) expect(yield* numbers(store, stream)).toEqual([n])
      const inHeld = yield* numbers(store, heldStream)
      expect(inHeld).toEqual([50, ...Array.from({ length: inHeld.length - 1 }, () => 60)])
      expect(inHeld.length - 1).toBe(plan.filter(({ name }) => name === "heldStream").length)
    })
  ))

it(
  "500 racers at each revision: one winner, and the others learn the revision that beat them",
  () =>
    run(
      Effect.gen(function* () {
        const stream = fresh()
        let expected: "noStream" | Revision.Revision = "noStream"
        for (let revision = 0; revision < 3; revision++) {
          const now: "noStream" | Revision.Revision = expected
          const results = yield* atOnce(
            Array.from({ length: 500 }, (_, n) =>
              (n % 2 === 0 ? events : stranger.events).append(stream, [numbered(n)], { expected: now })
            )
          )
          const winners = results.flatMap((result) => (result._tag === "Success" ? [result.success] : []))
          expect(winners).toEqual([expect.objectContaining({ revision, repeated: false })])
          const losers = results.flatMap((result) => (result._tag === "Failure" ? [result.failure] : []))
          expect(losers.every((error) => "actual" in error && error.actual === revision)).toBe(true)
          expected = at(revision)
        }
        expect((yield* read(store, stream)).length).toBe(3)
      })
    ),
  30_000
)

it("twins of one process and of two get the first result, and one of them alone was not repeated", () =>
  run(
    Effect.gen(function* () {
      for (const size of [1, 3]) {
        for (const together of [true, false]) {
          const stream = fresh()
          const same = Array.from({ length: size }, (_, n) => numbered(n))
          const twins = Array.from({ length: 40 }, (_, i) =>
            (together || i % 2 === 0 ? events : stranger.events).append(stream, same)
          )
          const others = Array.from({ length: 20 }, (_, n) => events.append(fresh(), [numbered(n)]))
          const results = (yield* atOnce([...twins, ...others])).flatMap((result) =>
            result._tag === "Success" ? [result.success] : []
          )
          expect(results.length).toBe(60)
          const first = results.slice(0, 40).find(({ repeated }) => !repeated)
          expect(results.slice(0, 40).filter(({ repeated }) => !repeated)).toEqual([first])
          expect(
            results
              .slice(0, 40)
              .every(({ position, revision }) => position === first?.position && revision === size - 1)
          ).toBe(true)
          expect((yield* read(store, stream)).length).toBe(size)
        }
      }
    })
  ))

it("two processes with one id on two streams: one is stored, the other reused it", () =>
  run(
    Effect.gen(function* () {
      for (let round = 0; round < 10; round++) {
        const one = numbered(round)
        const streams: ReadonlyArray<StreamName> = [fresh(), fresh()]
        const results = yield* atOnce(
          streams.flatMap((stream, i) => [
            (i === 0 ? events : stranger.events).append(stream, [one]),
            (i === 0 ? events : stranger.events).append(fresh(), [numbered(1)])
          ])
        )
        const ends = [results[0], results[2]].map((result) => (result?._tag === "Success" ? "stored" : "refused"))
        expect([ends.toSorted(), results[1]?._tag, results[3]?._tag]).toEqual([
          ["refused", "stored"],
          "Success",
          "Success"
        ])
      }
    })
  ))

it("dependent appends of one fiber stay in order, whatever others do", () =>
  run(
    Effect.gen(function* () {
      const streams = Array.from({ length: 8 }, () => fresh())
      const chains = streams.map((stream) =>
        Effect.gen(function* () {
          let last = 0
          for (let n = 0; n < 20; n++) {
            const { position, revision } = yield* events.append(stream, [numbered(n)])
            expect([revision, position > last]).toEqual([n, true])
            last = position
          }
        })
      )
      yield* Effect.all(chains, { concurrency: "unbounded" })
      for (const stream of streams)
        expect(yield* numbers(store, stream)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    })
  ))
