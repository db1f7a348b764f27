// Appends in transactions of stricter isolation: no answer rests on a snapshot that is older than the stream.
import * as Effect from "effect/Effect"
import { BeginTransaction } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { EncodedAppend, Expected } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import { describe, expect, it } from "vitest"
import * as appendStatements from "../src/internal/appendStatements.ts"
import * as Database from "../src/internal/Database.ts"
import { fresh, numbered, numbers, serve } from "./support/AppendStore.ts"

const { open } = await serve()
const store = await open()
const stranger = await open({ schema: store.schema })
const { events, run, sql } = store

const at = Revision.make
const outside = <A, E>(effect: Effect.Effect<A, E>) => Effect.promise(() => stranger.run(effect))

for (const level of ["REPEATABLE READ", "SERIALIZABLE"]) {
  const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    sql.withTransaction(effect).pipe(Effect.provideService(BeginTransaction, `BEGIN ISOLATION LEVEL ${level}`))

  /** A call in a transaction whose snapshot is taken before a stranger appends to the stream. */
  const behind = <A, E, R>(stream: StreamName, call: Effect.Effect<A, E, R>) =>
    within(
      Effect.gen(function* () {
        yield* sql`SELECT 1`
        yield* outside(stranger.events.append(stream, [numbered(8)]))
        return yield* call
      })
    )

  const tooOld = { _tag: "EventStoreError", isRetryable: true, reason: { _tag: "Unavailable" } }

  describe(level, () => {
    // Revision 1 is where the stream truly stands after the stranger: a conflict would be a lie.
    const expectations: ReadonlyArray<readonly [before: number, expected: Expected]> = [
      [1, at(0)],
      [1, at(1)],
      [1, at(7)],
      [1, "any"],
      [1, "noStream"],
      [0, "noStream"],
      [0, "streamExists"],
      [1, "streamExists"]
    ]
    for (const [before, expected] of expectations) {
      it(`a stream that grew from ${before} events is a failure to try again, expected ${expected}`, () =>
        run(
          Effect.gen(function* () {
            const other = fresh()
            const calls: ReadonlyArray<(stream: StreamName) => Effect.Effect<unknown, Error>> = [
              (stream) => events.append(stream, [numbered(9)], { expected }),
              (stream) => events.append(stream, [numbered(9), numbered(9)], { expected }),
              (stream) => events.append(stream, [], { expected }),
              (stream) =>
                events.appendAll([
                  { stream: other, events: [numbered(9)] },
                  { stream, events: [numbered(9)], expected }
                ]),
              (stream) =>
                events.appendAll([
                  { stream: other, events: [numbered(9)] },
                  { stream, events: [], expected }
                ])
            ]
            for (const call of calls) {
              const stream = fresh()
              for (let n = 0; n < before; n++) yield* events.append(stream, [numbered(n)])
              const error = yield* Effect.flip(behind(stream, call(stream)))
              expect(error).toMatchObject(tooOld)
              expect(error.message).toContain("40001")
              expect((yield* numbers(store, stream)).at(-1)).toBe(8)
            }
            expect(yield* numbers(store, other)).toEqual([])
          })
        ))
    }

    it("what is fresh is stored, whatever is expected, together with the rest of the transaction", () =>
      run(
        Effect.gen(function* () {
          const stream = fresh()
          const other = fresh()
          yield* within(
            Effect.gen(function* () {
              yield* events.append(stream, [numbered(0)], { expected: "noStream" })
              yield* events.append(stream, [numbered(1)], { expected: at(0) })
              yield* events.append(stream, [numbered(2)], { expected: "streamExists" })
              yield* events.append(stream, [], { expected: at(2) })
              yield* events.appendAll([
                { stream, events: [numbered(3)], expected: at(2) },
                { stream: other, events: [], expected: "noStream" }
              ])
            })
          )
          expect([yield* numbers(store, stream), yield* numbers(store, other)]).toEqual([[0, 1, 2, 3], []])
        })
      ))

    it("a true conflict is a conflict with the true revision, and the transaction goes on", () =>
      run(
        Effect.gen(function* () {
          const stream = fresh()
          const other = fresh()
          yield* events.append(stream, [numbered(0), numbered(1)])
          const conflicts = yield* within(
            Effect.gen(function* () {
              const wrong: ReadonlyArray<Expected> = [at(0), at(5), "noStream"]
              const found: Array<unknown> = []
              for (const expected of wrong) {
                found.push(yield* Effect.flip(events.append(stream, [numbered(9)], { expected })))
                found.push(yield* Effect.flip(events.append(stream, [], { expected })))
              }
              const all = events.appendAll([
                { stream: other, events: [numbered(9)] },
                { stream, events: [numbered(9)], expected: at(0) }
              ])
              found.push(yield* Effect.flip(all))
              yield* events.append(stream, [numbered(2)], { expected: at(1) })
              return found
            })
          )
          expect(conflicts).toEqual(
            conflicts.map(() => expect.objectContaining({ _tag: "WrongExpectedRevision", actual: 1 }))
          )
          expect([yield* numbers(store, stream), yield* numbers(store, other)]).toEqual([[0, 1, 2], []])
        })
      ))

    it("ids that were stored since, on another stream, are a failure to try again, and then reused", () =>
      run(
        Effect.gen(function* () {
          const calls: ReadonlyArray<(id: ReturnType<typeof numbered>) => Effect.Effect<unknown, Error>> = [
            (id) => events.append(fresh(), [id]),
            (id) => events.appendAll([{ stream: fresh(), events: [id] }]),
            (id) =>
              events.appendAll([
                { stream: fresh(), events: [id] },
                { stream: fresh(), events: [numbered(3)] }
              ])
          ]
          for (const call of calls) {
            const id = numbered(1)
            const late = within(
              Effect.gen(function* () {
                yield* sql`SELECT 1`
                yield* outside(stranger.events.append(fresh(), [id]))
                yield* call(id)
              })
            )
            expect(yield* Effect.flip(Effect.timeout(late, "5 seconds"))).toMatchObject(tooOld)
            expect(yield* Effect.flip(within(call(id)))).toMatchObject({ _tag: "EventIdReused" })
          }
        })
      ))

    it("a repeat within gives the first result", () =>
      run(
        Effect.gen(function* () {
          const stream = fresh()
          const first = yield* events.append(stream, [numbered(0)])
          const mine = [numbered(1), numbered(2)]
          const [stored, repeated] = yield* within(
            Effect.all([events.append(stream, mine), events.append(stream, mine)])
          )
          expect([stored.repeated, repeated]).toEqual([false, { ...stored, repeated: true }])
          expect(stored.position).toBeGreaterThan(first.position)
        })
      ))
  })
}

it("the functions of groups answer no conflict from a stale head either, should the database be strict by default", () =>
  run(
    Effect.gen(function* () {
      const database = Database.make(sql, store.schema)
      const { event, events: many, group, one: longer } = appendStatements.make(database)
      const inserts = appendStatements.make(database, true)
      for (const [attempt, stored] of [
        [(one: EncodedAppend) => group([one]), true],
        [(one: EncodedAppend) => group([one, { ...one, events: [] }]), true],
        [(one: EncodedAppend) => group([{ ...one, events: [] }]), false]
      ] as const) {
        const stream = fresh()
        yield* events.append(stream, [numbered(0)])
        const { id } = numbered(1)
        const encoded = { id, type: "T", schemaVersion: 1, data: "1", metadata: "{}" }
        const one = { stream, category: "Case", expected: at(stored ? 1 : 0), events: [encoded], idsAreNew: true }
        const late = sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`SELECT 1`
            yield* outside(stranger.events.append(stream, [numbered(1)]))
            return yield* Effect.asVoid<unknown, SqlError, never>(attempt(one))
          })
        )
        const error = yield* Effect.flip(
          Effect.provideService(late, BeginTransaction, "BEGIN ISOLATION LEVEL REPEATABLE READ")
        )
        expect(error.reason.cause).toMatchObject({ code: "40001" })
      }
      // The shortest ways in know nothing but success: here they are unsure, and append_one says why.
      const quick: ReadonlyArray<(one: EncodedAppend) => Effect.Effect<unknown, SqlError>> = [
        event,
        (one) => Effect.map(many([one]), ([answer]) => answer),
        inserts.event,
        (one) => Effect.map(inserts.events([one]), ([answer]) => answer)
      ]
      for (const attempt of quick) {
        const stream = fresh()
        yield* events.append(stream, [numbered(0)])
        const encoded = { id: numbered(1).id, type: "T", schemaVersion: 1, data: "1", metadata: "{}" }
        const one = (expected: number) => ({
          stream,
          category: "Case",
          expected: at(expected),
          events: [encoded],
          idsAreNew: true
        })
        const answers: Array<unknown> = []
        const late = (expected: number) =>
          sql
            .withTransaction(
              Effect.gen(function* () {
                yield* sql`SELECT 1`
                yield* outside(stranger.events.append(stream, [numbered(1)]))
                answers.push(yield* attempt(one(expected)))
                return yield* Effect.asVoid(longer(one(expected), false))
              })
            )
            .pipe(Effect.provideService(BeginTransaction, "BEGIN ISOLATION LEVEL REPEATABLE READ"))
        // The snapshot shows revision 0, the stream truly is at 1, then at 2.
        expect(yield* Effect.flip(late(1))).toMatchObject({ reason: { cause: { code: "40001" } } })
        expect(answers).toEqual([{ _tag: "Unsure" }])
        expect(yield* Effect.flip(late(1))).toMatchObject({ reason: { cause: { code: "23505" } } })
        expect((yield* numbers(store, stream)).length).toBe(3)
      }
    })
  ))

it("appends that go by themselves tell no lies where the database is strict by default", async () => {
  const strict = await open({
    schema: store.schema,
    startupParameters: { default_transaction_isolation: "repeatable read" }
  })
  await strict.run(
    Effect.gen(function* () {
      const stream = fresh()
      // Each expects where its own process has just seen the stream; who is told of a conflict was truly overtaken.
      const racer = (mine: typeof store) =>
        Effect.gen(function* () {
          let lies = 0
          let wins = 0
          let known: Revision.Revision | undefined
          while (wins < 25) {
            const expected = known ?? "noStream"
            const done = yield* Effect.result(mine.events.append(stream, [numbered(0)], { expected }))
            if (done._tag === "Success") {
              wins += 1
              known = done.success.revision
            } else if (done.failure._tag === "WrongExpectedRevision") {
              if (done.failure.actual === known) lies += 1
              known = done.failure.actual === undefined ? undefined : at(done.failure.actual)
            } else if (!("isRetryable" in done.failure) || !done.failure.isRetryable) return yield* done.failure
          }
          return lies
        })
      const racers = [strict, strict, stranger, strict].map((one) => Effect.promise(() => one.run(racer(one))))
      expect(yield* Effect.all(racers, { concurrency: "unbounded" })).toEqual([0, 0, 0, 0])
      expect((yield* numbers(store, stream)).length).toBe(100)
    })
  )
})
