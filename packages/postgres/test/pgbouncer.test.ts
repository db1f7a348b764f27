// Behind a real PgBouncer in transaction mode: appends, following and read models; a short part of what `pnpm pgbouncer` runs.
import * as PgClient from "@effect/sql-pg/PgClient"
import { laws } from "@evolvent/testing/conformance"
import type { Law } from "@evolvent/testing/conformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import { afterAll, describe, expect, it } from "vitest"
import * as Pooler from "../pgbouncer/Pooler.ts"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"
import { hearing } from "./support/hearing.ts"

const program = Pooler.find()

const tests = async (file: string) => {
  const { server } = await serve()
  const scope = Scope.makeUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)
  const pooled = { ...(await Effect.runPromise(Scope.provide(Pooler.start(file, server), scope))), prepare: false }
  const layer = Postgres.layer({ ...pooled, listen: false })
  const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => Effect.runPromise(Effect.scoped(effect))

  // One of each kind: group commit, waiting, several streams, transactions, leases, tables, following.
  const chosen =
    /^(EventStore (1|2|3|6|9)|CheckpointStore (10|12|19)|ReadModelStore (9|10|18)|SnapshotStore 4|Processor 1|Bus 1)\b/
  const all: ReadonlyArray<Law<Postgres.Services>> = Object.values(laws).flat()
  for (const { id, run: promise } of all.filter(({ id: name }) => chosen.test(name))) {
    it(id, () => Effect.runPromise(Effect.provide(promise, layer)), 120_000)
  }

  /** A follower of its own, and a writer; what the follower has seen, and what it warned of. */
  const follow = Effect.fnUntraced(function* (options: Partial<Postgres.Options>) {
    const warnings: Array<string> = []
    const logger = Logger.make(({ message }) => void warnings.push(String(message)))
    const open = (own: Partial<Postgres.Options>) =>
      Effect.map(
        Layer.build(Layer.provide(Postgres.layer({ ...pooled, ...own }), Logger.layer([logger]))),
        Context.get(EventStore)
      )
    const [writer, reader] = [yield* open({ listen: false }), yield* open(options)]
    const stream = StreamName.make("Account", crypto.randomUUID())
    const seen: Array<number> = []
    yield* reader.subscribe(EventFilter.stream(stream)).pipe(
      Stream.runForEach(({ events }) => Effect.sync(() => void seen.push(...events.map(({ revision }) => revision)))),
      Effect.forkScoped
    )
    const append = writer.append(stream, [{ type: "Opened", data: {} }])
    const until = (holds: () => boolean) =>
      Effect.gen(function* () {
        for (let tries = 0; tries < 500 && !holds(); tries++) yield* Effect.sleep("20 millis")
      })
    return { append, seen, until, warnings }
  })

  it(
    "says that no notification gets through, and finds what others append by polling",
    () =>
      run(
        Effect.gen(function* () {
          const { append, seen, until, warnings } = yield* follow({})
          yield* append
          yield* until(() => seen.length === 1)
          yield* until(() => warnings.length > 0)
          expect(warnings).toHaveLength(1)
          expect(warnings[0]).toMatch(/No NOTIFY arrives on channel "evolvent_evolvent".*pooler in transaction mode/)
          yield* append
          yield* until(() => seen.length === 2)
          expect(seen).toEqual([0, 1])
        })
      ),
    60_000
  )

  it(
    "hears notifications over a direct connection for nothing else",
    () =>
      run(
        Effect.gen(function* () {
          const { append, until } = yield* follow({ listen: false })
          const { seen, works } = yield* hearing("evolvent", pooled, server.connection)
          yield* until(works)
          const before = seen()
          yield* append
          yield* until(() => seen() > before)
          expect([works(), seen() > before]).toEqual([true, true])
        })
      ),
    60_000
  )

  it(
    "leaves nothing behind in a session that somebody else gets next",
    () =>
      run(
        Effect.gen(function* () {
          const { append } = yield* follow({ listen: false })
          yield* Effect.forEach(Array.from({ length: 20 }), () => append, { concurrency: 20 })
          const sql = Context.get(yield* Layer.build(PgClient.layer(server.connection)), PgClient.PgClient)
          const locks = yield* sql`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`
          expect(locks).toEqual([])
          const through = Context.get(
            yield* Layer.build(PgClient.layer({ ...pooled, maxConnections: 20 })),
            PgClient.PgClient
          )
          const settings = through`SELECT current_setting('lock_timeout'), current_setting('enable_seqscan'),
          current_setting('plan_cache_mode'), current_setting('idle_in_transaction_session_timeout'), pg_sleep(0.05)::text`
          const found = yield* Effect.all(
            Array.from({ length: 12 }, () => settings.values),
            { concurrency: 12 }
          )
          expect(new Set(found.map((rows) => rows.join()))).toEqual(new Set(["0,on,auto,0,"]))
        })
      ),
    60_000
  )
}

if (program === undefined) {
  it(`no part of this ran: ${Pooler.howToInstall}`, () => {
    expect(Pooler.find()).toBeUndefined()
  })
} else {
  describe(`behind ${Pooler.versionOf(program)} in transaction mode`, async () => tests(program))
}
