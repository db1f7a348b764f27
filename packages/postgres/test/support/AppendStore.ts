// Stores on one server that lasts as long as the test file: each with a pool and a schema of its own, to be closed or broken.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { EventData, Recorded } from "evolvent/EventData"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import { afterAll } from "vitest"
import * as Postgres from "../../src/Postgres.ts"

/** What a test may use. */
export type Services = Postgres.Services | PgClient.PgClient | SqlClient

/** A store that is open. */
export interface Store {
  readonly events: EventStore["Service"]
  readonly sql: PgClient.PgClient
  readonly schema: string
  readonly run: <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>) => Promise<A>
  readonly close: Effect.Effect<void>
}

/** Opens stores; unless told otherwise each has a schema of its own. */
export type Open = (options?: Postgres.StoreOptions & Partial<PgClient.PgPoolConfig>) => Promise<Store>

/** A server for a test file. */
export const serve = async (
  options: EmbeddedPostgres.Options = {}
): Promise<{ readonly server: EmbeddedPostgres.Server; readonly open: Open }> => {
  const file = Scope.makeUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(file, Exit.void)), 60_000)
  const settings = { max_connections: 100, ...options.settings }
  const server = await Effect.runPromise(Scope.provide(EmbeddedPostgres.start({ ...options, settings }), file))
  const open: Open = async (own = {}) => {
    const schema = own.schema ?? `s${crypto.randomUUID().slice(0, 8)}`
    const scope = await Effect.runPromise(Scope.fork(file))
    const layer: Layer.Layer<Services, Postgres.StartError> = Postgres.layer({ ...server.connection, ...own, schema })
    const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
    return {
      events: Context.get(context, EventStore),
      sql: Context.get(context, PgClient.PgClient),
      schema,
      run: (effect) => Effect.runPromise(Effect.scoped(Effect.provideContext(effect, context))),
      close: Scope.close(scope, Exit.void)
    }
  }
  return { server, open }
}

let streams = 0

/** A stream that no other test uses. */
export const fresh = (category = "Case"): StreamName.StreamName => StreamName.make(category, `${++streams}`)

/** An event with an id, told apart by its number. */
export const numbered = (n: number): EventData & { readonly id: EventId.EventId } => ({
  id: EventId.make(crypto.randomUUID()),
  type: "Counted",
  data: { n }
})

/** A stream's events. */
export const read = ({ events }: Store, stream: StreamName.StreamName): Effect.Effect<ReadonlyArray<Recorded>, Error> =>
  Stream.runCollect(events.read(EventFilter.stream(stream)))

/** The numbers of a stream's events. */
export const numbers = (store: Store, stream: StreamName.StreamName): Effect.Effect<ReadonlyArray<unknown>, Error> =>
  Effect.map(read(store, stream), (events) => events.map(({ data }) => (data as { readonly n?: unknown }).n))

/** A count that PostgreSQL gives. */
export const count = ({ sql }: Store, query: string): Effect.Effect<number, Error> =>
  Effect.map(sql.unsafe(query).values, ([row]) => Number(row?.[0]))

/** How often this server's other sessions wait for a lock. */
export const waiting = (store: Store) =>
  count(store, "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()")

/** Waits until something holds, ten seconds at most. */
export const until = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>): Effect.Effect<void, E | Error, R> =>
  Effect.gen(function* () {
    for (let tries = 0; tries < 1000; tries++) {
      if (yield* holds) return
      yield* Effect.sleep(10)
    }
    return yield* Effect.die(new Error(`never: ${what}`))
  })

/** Runs an effect in a transaction of a stranger's session that stays open until it is ended, or the test is over. */
export const heldOpen = <A, E>(stranger: Store, effect: Effect.Effect<A, E, Services>) => {
  const begin = new Promise<{ readonly value: A; readonly end: (commit: boolean) => Promise<void> }>(
    (resolve, reject) => {
      let end: (commit: boolean) => void = () => undefined
      const ended = new Promise<boolean>((done) => (end = done))
      const whole = stranger.sql.withTransaction(
        Effect.gen(function* () {
          const value = yield* effect
          resolve({ value, end: (commit) => (end(commit), finished) })
          if (!(yield* Effect.promise(() => ended))) return yield* Effect.fail("undone" as const)
        })
      )
      const finished: Promise<void> = stranger
        .run(Effect.catch(whole, (error) => (error === "undone" ? Effect.void : Effect.fail(error))))
        .catch(reject)
    }
  )
  return Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => begin),
      ({ end }) => Effect.promise(() => end(false))
    ),
    ({ end, value }) => ({
      value,
      commit: Effect.promise(() => end(true)),
      rollback: Effect.promise(() => end(false))
    })
  )
}
