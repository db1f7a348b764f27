// Documents: changed by compare-and-set, together where they come together, once though answers are lost.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Position from "evolvent/Position"
import { afterEach, expect, it } from "vitest"
import type { Documents } from "../src/internal/documents.ts"
import type { JetStream } from "../src/internal/jetstream.ts"
import { join, layoutOf, losing, stalling } from "./support/checkpointing.ts"
import { serve } from "./support/served.ts"

const server = await serve()
const layout = layoutOf("documents")

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

let number = 0
let key = "doc.0"
afterEach(() => {
  key = `doc.${++number}`
})

const listOf = (value: Json | undefined): ReadonlyArray<Json> => (Array.isArray(value) ? value : [])
const push = (documents: Documents, item: Json, at = key) =>
  documents.change(new Map([[at, (value: Json | undefined) => Result.succeed([...listOf(value), item])]]))
const items = (documents: Documents, at = key) =>
  Effect.map(documents.read(at), ({ value }) => [...listOf(value)].sort())

/** A connection that counts what is written and what is read. */
const counting = () => {
  const counts = { writes: 0, reads: 0 }
  const breaking = (jetstream: JetStream): JetStream => ({
    ...jetstream,
    publish: (...args) => {
      counts.writes += 1
      return jetstream.publish(...args)
    },
    last: (...args) => {
      counts.reads += 1
      return jetstream.last(...args)
    }
  })
  return { counts, breaking }
}

it("changes of one process that come together are a few writes, and each sees those before it", () =>
  run(
    Effect.gen(function* () {
      const { breaking, counts } = counting()
      const { documents } = yield* join(server.url, layout, { breaking })
      const all = Array.from({ length: 100 }, (_, i) => i)
      const seen: Array<number> = []
      yield* Effect.forEach(
        all,
        (i) =>
          Effect.map(
            documents.change(
              new Map([
                [
                  key,
                  (value: Json | undefined) => {
                    seen[i] = listOf(value).length
                    return Result.succeed([...listOf(value), i])
                  }
                ]
              ])
            ),
            () => undefined
          ),
        { concurrency: "unbounded" }
      )
      expect((yield* items(documents)).length).toBe(100)
      expect(seen.toSorted((a, b) => a - b)).toEqual(all)
      expect(counts.writes).toBeLessThan(5)
    })
  ))

it("a change by who wrote last is one round trip, and one that changes nothing writes nothing", () =>
  run(
    Effect.gen(function* () {
      const { breaking, counts } = counting()
      const { documents } = yield* join(server.url, layout, { breaking })
      yield* push(documents, 1)
      expect(counts).toEqual({ writes: 1, reads: 1 })
      yield* push(documents, 2)
      expect(counts).toEqual({ writes: 2, reads: 1 })
      yield* documents.change(new Map([[key, (value: Json | undefined) => Result.succeed(value)]]))
      expect(counts.writes).toBe(2)
      yield* documents.change(
        new Map([key, `${key}.other`].map((one) => [one, (value: Json | undefined) => Result.succeed(value)]))
      )
      expect(counts.writes).toBe(2)
    })
  ))

it("nobody is refused by what is out of date, and who is refused leaves the others alone", () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [yield* join(server.url, layout), yield* join(server.url, layout)]
      yield* push(one.documents, "a")
      yield* push(two.documents, "b")
      const needs = (item: string) => (value: Json | undefined) =>
        listOf(value).includes(item) ? Result.succeed([...listOf(value), `${item}!`]) : Result.fail(`no ${item}`)
      yield* one.documents.change(new Map([[key, needs("b")]]))
      const ended = yield* Effect.forEach(
        ["c", "a", "d"],
        (item) => Effect.result(one.documents.change(new Map([[key, needs(item)]]))),
        {
          concurrency: "unbounded"
        }
      )
      expect(ended.map((result) => (Result.isFailure(result) ? result.failure : "made"))).toEqual([
        "no c",
        "made",
        "no d"
      ])
      expect(yield* items(two.documents)).toEqual(["a", "a!", "b", "b!"])
    })
  ))

it("a change whose answer was lost is made once, and nothing that others wrote after it is lost", () =>
  run(
    Effect.gen(function* () {
      const other = yield* join(server.url, layout)
      let n = 0
      let lost = 0
      const meanwhile = Effect.suspend(() => push(other.documents, `other ${n++}`))
      const three = Effect.replicateEffect(meanwhile, 3, { discard: true })
      const { documents } = yield* join(server.url, layout, { breaking: losing(() => lost++ % 2 === 0, three) })
      for (const i of [0, 1, 2, 3, 4]) yield* push(documents, `mine ${i}`)
      const found = yield* items(other.documents)
      expect(found.filter((item) => String(item).startsWith("mine"))).toEqual([0, 1, 2, 3, 4].map((i) => `mine ${i}`))
      expect(found.filter((item) => String(item).startsWith("other")).length).toBe(n)
    })
  ))

it("an interrupted change that still waits is not made, and holds up nobody", () =>
  run(
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { documents } = yield* join(server.url, layout, { breaking: stalling(() => gate.await) })
      const first = yield* Effect.forkScoped(push(documents, "first"), { startImmediately: true })
      yield* Effect.sleep(50)
      const second = yield* Effect.forkScoped(push(documents, "second"), { startImmediately: true })
      const third = yield* Effect.forkScoped(push(documents, "third"), { startImmediately: true })
      yield* Fiber.interrupt(second)
      // What is under way is followed to its end, also where nobody waits for it.
      yield* Fiber.interrupt(first)
      yield* gate.open
      yield* Fiber.join(third)
      expect(yield* items(documents)).toEqual(["first", "third"])
    })
  ))

it("a bug in a change is its caller's, and the document goes on", () =>
  run(
    Effect.gen(function* () {
      const { documents } = yield* join(server.url, layout)
      const bug = new Map([
        [
          key,
          (): Result.Result<Json> => {
            throw new Error("bug")
          }
        ]
      ])
      expect(yield* Effect.exit(documents.change(bug))).toMatchObject({ _tag: "Failure" })
      const both = new Map([...bug, [`${key}.other`, (): Result.Result<Json> => Result.succeed([])]])
      expect(yield* Effect.exit(documents.change(both))).toMatchObject({ _tag: "Failure" })
      yield* push(documents, "after")
      expect(yield* items(documents)).toEqual(["after"])
    })
  ))

it("who looks for a verdict that was carried out and removed meanwhile reads again", () =>
  run(
    Effect.gen(function* () {
      const [toDecide, toRemove, looked] = [yield* Latch.make(), yield* Latch.make(), yield* Latch.make()]
      const writer = yield* join(server.url, layout, {
        breaking: stalling((subject) => (subject.includes(".tx.") ? toDecide.await : Effect.void))
      })
      const reader = yield* join(server.url, layout, {
        breaking: (jetstream) => ({
          ...jetstream,
          last: (stream, subject) =>
            subject.includes(".tx.")
              ? Effect.andThen(Effect.andThen(looked.open, toRemove.await), jetstream.last(stream, subject))
              : jetstream.last(stream, subject)
        })
      })
      const both = new Map(
        [key, `${key}.other`].map((one) => [one, (value: Json | undefined) => Result.succeed([...listOf(value), "x"])])
      )
      const writing = yield* Effect.forkScoped(writer.documents.change(both))
      yield* Effect.sleep(100)
      const reading = yield* Effect.forkScoped(items(reader.documents))
      yield* looked.await
      yield* toDecide.open
      yield* Fiber.join(writing)
      // The verdict is removed by itself.
      yield* Effect.sleep(200)
      yield* toRemove.open
      expect(yield* Fiber.join(reading)).toEqual(["x"])
    })
  ))

it("what is none of ours is an error that says so, and stays as it is", () =>
  run(
    Effect.gen(function* () {
      const { documents, jetstream, store } = yield* join(server.url, layout)
      yield* jetstream.publish(`${documents.prefix}at.runner`, "by hand", [])
      expect(yield* Effect.flip(store.load("runner"))).toMatchObject({ isRetryable: false })
      const advance = store.advance({ name: "runner/1", from: Position.beginning, to: Position.make(1) })
      const error = yield* Effect.flip(advance)
      expect(error.message).toContain("$KV.documents_checkpoints.at.runner")
      expect(error).toMatchObject({ isRetryable: false })
      yield* jetstream.publish(`${documents.prefix}at.other`, `{"by":[],"value":{"slots":7}}`, [])
      expect(yield* Effect.flip(store.load("other"))).toMatchObject({ isRetryable: false })
      expect(yield* Effect.flip(store.acquire("other", "ada", 100))).toMatchObject({ isRetryable: false })
    })
  ))

it("more documents than are remembered are still themselves", { timeout: 30_000 }, () =>
  run(
    Effect.gen(function* () {
      const [one, two] = [yield* join(server.url, layout), yield* join(server.url, layout)]
      const keys = Array.from({ length: 1500 }, (_, i) => `many.${i}`)
      for (const item of ["a", "b"]) {
        yield* Effect.forEach(keys, (each) => push(one.documents, item, each), { concurrency: 200, discard: true })
      }
      const found = yield* Effect.forEach(keys, (each) => items(two.documents, each), { concurrency: 50 })
      expect(found.every((list) => list.join() === "a,b")).toBe(true)
    })
  )
)
