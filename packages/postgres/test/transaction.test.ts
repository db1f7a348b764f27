// Law 10: an append inside the caller's transaction joins it, and shares its fate with the caller's own rows.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import type { StreamName } from "evolvent/StreamName"
import * as Revision from "evolvent/Revision"
import { beforeAll, expect, it } from "vitest"
import { fresh, heldOpen, numbered, numbers, read, serve, until, waiting } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema })
const { events, run, sql } = store
const at = Revision.make

beforeAll(() => run(sql`CREATE TABLE orders (stream text)`))

/** The caller's own rows. */
const order = (stream: StreamName) => sql`INSERT INTO orders VALUES (${stream})`
const orders = (stream: StreamName) =>
  Effect.map(sql`SELECT * FROM orders WHERE stream = ${stream}`, (rows) => rows.length)

const undone = Effect.fail("undone" as const)
const undo = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flip(sql.withTransaction(Effect.andThen(effect, undone)))

it("rolled back it was never there; committed it is there with the caller's rows", () =>
  run(
    Effect.gen(function* () {
      const [a, b] = [fresh(), fresh()]
      const work = Effect.gen(function* () {
        yield* order(a)
        yield* events.append(a, [numbered(0)], { expected: "noStream" })
        yield* events.append(a, [numbered(1), numbered(2)], { expected: at(0) })
        yield* events.appendAll([
          { stream: a, events: [numbered(3)], expected: at(2) },
          { stream: b, events: [numbered(0)] }
        ])
        // Its own events are there for it, and for nobody else.
        expect(yield* numbers(store, a)).toEqual([0, 1, 2, 3])
        expect(yield* events.streamRevision(a)).toBe(3)
        expect(yield* Effect.promise(() => stranger.run(numbers(stranger, a)))).toEqual([])
      })
      expect(yield* undo(work)).toBe("undone")
      expect([yield* numbers(store, a), yield* numbers(store, b), yield* orders(a)]).toEqual([[], [], 0])
      yield* sql.withTransaction(work)
      expect([yield* numbers(store, a), yield* numbers(store, b), yield* orders(a)]).toEqual([[0, 1, 2, 3], [0], 1])
      const [first, ...rest] = yield* read(store, a)
      expect(rest.map(({ revision }) => revision)).toEqual([1, 2, 3])
      expect(rest.every(({ position }) => position > (first?.position ?? 0))).toBe(true)
    })
  ))

it("a savepoint takes back its own appends, and no others", () =>
  run(
    Effect.gen(function* () {
      const [a, b] = [fresh(), fresh()]
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* events.append(a, [numbered(0)])
          yield* undo(
            Effect.andThen(events.append(a, [numbered(8)], { expected: at(0) }), events.append(b, [numbered(8)]))
          )
          expect([yield* numbers(store, a), yield* numbers(store, b)]).toEqual([[0], []])
          yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* events.append(a, [numbered(1)], { expected: at(0) })
              yield* undo(events.append(a, [numbered(9)], { expected: at(1) }))
              yield* events.append(b, [numbered(0)], { expected: "noStream" })
            })
          )
          yield* events.append(a, [numbered(2)], { expected: at(1) })
        })
      )
      expect([yield* numbers(store, a), yield* numbers(store, b)]).toEqual([[0, 1, 2], [0]])
      // Nobody waits for what was taken back.
      const began = performance.now()
      yield* events.head
      expect(performance.now() - began).toBeLessThan(800)
    })
  ))

it("a conflict, a reused id and a refused name are values: the transaction goes on, and its later appends are stored", () =>
  run(
    Effect.gen(function* () {
      const [a, b] = [fresh(), fresh()]
      const known = numbered(0)
      yield* events.append(b, [known])
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* order(a)
          const conflict = events.append(a, [numbered(9)], { expected: at(4) })
          expect(yield* Effect.flip(conflict)).toMatchObject({ _tag: "WrongExpectedRevision", actual: undefined })
          const conflicts = events.appendAll([
            { stream: a, events: [numbered(9)] },
            { stream: b, events: [numbered(9)], expected: "noStream" }
          ])
          expect(yield* Effect.flip(conflicts)).toMatchObject({ _tag: "WrongExpectedRevision", stream: b, actual: 0 })
          for (const reused of [
            events.append(a, [known]),
            events.append(b, [{ ...known, data: "other" }]),
            events.append(b, [known, numbered(9)]),
            events.appendAll([
              { stream: b, events: [known] },
              { stream: a, events: [numbered(9)] }
            ])
          ])
            expect(yield* Effect.flip(Effect.asVoid<unknown, Error, never>(reused))).toMatchObject({
              _tag: "EventIdReused"
            })
          const long = events.append(fresh("x".repeat(3000)), [numbered(9)])
          expect(yield* Effect.flip(long)).toMatchObject({ reason: { _tag: "InvalidStreamName" } })
          const odd = events.append(a, [{ ...numbered(9), schemaVersion: 2 ** 31 }])
          expect(yield* Effect.flip(odd)).toMatchObject({ reason: { _tag: "UnstorableContent" } })
          yield* events.append(a, [numbered(0)], { expected: "noStream" })
        })
      )
      expect([yield* numbers(store, a), yield* numbers(store, b), yield* orders(a)]).toEqual([[0], [0], 1])
    })
  ))

it("a repeat gives the first result: of the same transaction, of an earlier one, and of one that is committing", () =>
  run(
    Effect.gen(function* () {
      const [a, b, c, d] = [fresh(), fresh(), fresh(), fresh()]
      const [one, two, three] = [[numbered(0), numbered(1)], [numbered(0)], [numbered(0)]]
      const earlier = yield* events.append(b, two)
      const all = [
        { stream: a, events: one },
        { stream: d, events: [] }
      ]
      const held = yield* heldOpen(stranger, stranger.events.append(c, three))
      const [first, ...again] = yield* sql.withTransaction(
        Effect.gen(function* () {
          const first = yield* events.append(a, one)
          const again = yield* events.append(a, one, { expected: "noStream" })
          const [many, empty] = yield* events.appendAll(all)
          expect(empty).toMatchObject({ revision: undefined, repeated: false })
          expect(yield* events.append(b, two)).toEqual({ ...earlier, repeated: true })
          const committing = yield* Effect.forkChild(events.append(c, three), { startImmediately: true })
          yield* Effect.promise(() =>
            stranger.run(
              until(
                "waits",
                Effect.map(waiting(stranger), (n) => n > 0)
              )
            )
          )
          yield* held.commit
          expect(yield* Fiber.join(committing)).toMatchObject({ repeated: true, revision: 0 })
          return [first, again, many]
        })
      )
      expect(first?.repeated).toBe(false)
      expect(again).toEqual([
        { ...first, repeated: true },
        { ...first, repeated: true }
      ])
      expect([yield* numbers(store, a), yield* numbers(store, c)]).toEqual([[0, 1], [0]])
    })
  ))

it("an id that a stranger commits meanwhile, on another stream, is reused; the transaction goes on", () =>
  run(
    Effect.gen(function* () {
      const [a, b] = [fresh(), fresh()]
      const calls: ReadonlyArray<(id: ReturnType<typeof numbered>) => Effect.Effect<unknown, Error>> = [
        (id) => events.append(a, [id]),
        (id) =>
          events.appendAll([
            { stream: b, events: [numbered(7)] },
            { stream: a, events: [id] }
          ])
      ]
      for (const [n, call] of calls.entries()) {
        const id = numbered(9)
        const held = yield* heldOpen(stranger, stranger.events.append(fresh(), [id]))
        const inner = Effect.gen(function* () {
          const waits = yield* Effect.forkChild(Effect.flip(call(id)), { startImmediately: true })
          yield* Effect.promise(() =>
            stranger.run(
              until(
                "waits",
                Effect.map(waiting(stranger), (n) => n > 0)
              )
            )
          )
          yield* held.commit
          expect(yield* Fiber.join(waits)).toMatchObject({ _tag: "EventIdReused" })
          yield* events.append(a, [numbered(n)])
        })
        yield* sql.withTransaction(inner)
      }
      expect([yield* numbers(store, a), yield* numbers(store, b)]).toEqual([[0, 1], []])
    })
  ))

it("who follows sees it after the commit, is woken then, and never sees what was undone", () =>
  run(
    Effect.gen(function* () {
      const stream = fresh("Followed")
      const seen: Array<unknown> = []
      // They look by themselves too, but more and more rarely.
      const rarely = { schema: store.schema, pollInterval: "1 minute" } as const
      const [writer, other] = yield* Effect.promise(() => Promise.all([open(rarely), open(rarely)]))
      for (const { events: reader } of [writer, other]) {
        const all = reader.subscribe(EventFilter.category("Followed"))
        yield* Effect.forkScoped(
          Stream.runForEach(all, (page) =>
            Effect.sync(() => void seen.push(...page.events.map(({ data }) => (data as { n: number }).n)))
          )
        )
      }
      yield* Effect.sleep(1000)
      yield* Effect.ignore(
        writer.sql.withTransaction(Effect.andThen(writer.events.append(stream, [numbered(7)]), undone))
      )
      yield* writer.sql.withTransaction(
        Effect.gen(function* () {
          yield* writer.events.append(stream, [numbered(0)])
          yield* writer.events.append(fresh(), [numbered(0)])
          yield* Effect.sleep(400)
          expect(seen).toEqual([])
        })
      )
      const since = performance.now()
      yield* until(
        "both see it",
        Effect.sync(() => seen.length === 2)
      )
      // Without being woken they would look a second later.
      expect(performance.now() - since).toBeLessThan(800)
      expect(seen).toEqual([0, 0])
    })
  ))
