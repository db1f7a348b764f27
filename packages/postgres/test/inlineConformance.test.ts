// An event store whose appends keep a projection of each category keeps every law, in words and outcomes as without one.
import * as PgClient from "@effect/sql-pg/PgClient"
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as StreamName from "evolvent/StreamName"
import { afterAll, describe, expect, it } from "vitest"
import { InlineProjections } from "../src/InlineProjections.ts"
import * as Postgres from "../src/Postgres.ts"
import { serve } from "./support/AppendStore.ts"

const { server } = await serve({ settings: { max_connections: 300 } })

// The types of the laws' events, whatever they hold.
const event = Schema.TaggedUnion({ Counted: {}, Deposited: {}, Withdrawn: {} })

/** Counts the events of each stream of a category. */
const counts = (category: string) => {
  const Anything = Aggregate.make(category, {
    command: Schema.TaggedUnion({ Nothing: {} }),
    event,
    state: Schema.Null,
    initial: null
  })({ decide: { Nothing: () => [] }, evolve: { Counted: () => null, Deposited: () => null, Withdrawn: () => null } })
  const more = ({ count }: { readonly count: number }) => ({ count: count + 1 })
  return Projection.make(`counts of ${category}`, {
    from: [Anything],
    row: Schema.Struct({ count: Schema.Int }),
    initial: { count: 0 }
  })({ evolve: { Counted: more, Deposited: more, Withdrawn: more } })
}

let kept = 0

/** Begins a projection of each category before the first append to it. */
const keeping = Layer.effect(
  EventStore,
  Effect.gen(function* () {
    const store = yield* EventStore
    const inline = yield* InlineProjections
    const begun = new Map<string, Effect.Effect<void>>()
    const begin = Effect.fnUntraced(function* (streams: ReadonlyArray<StreamName.StreamName>) {
      for (const category of new Set(streams.map(StreamName.category))) {
        // Some laws are about names that no aggregate could have.
        if (category.startsWith("$") || StreamName.categoryProblem(category) !== undefined) continue
        let once = begun.get(category)
        if (once === undefined) {
          kept += 1
          // With metrics of its own: what it appends is none of the laws' business.
          const registering = Effect.provideService(inline.register(counts(category)), Metric.MetricRegistry, new Map())
          once = yield* Effect.cached(Effect.orDie(registering))
          begun.set(category, once)
        }
        yield* once
      }
    })
    return EventStore.of({
      ...store,
      append: (stream, events, options) => Effect.andThen(begin([stream]), store.append(stream, events, options)),
      appendAll: (appends) => Effect.andThen(begin(appends.map(({ stream }) => stream)), store.appendAll(appends))
    })
  })
)

const services = Postgres.layerFrom().pipe(
  Layer.provideMerge(PgClient.layer({ ...server.connection, maxConnections: 10 }))
)
const layer = Layer.provideMerge(keeping, services)

suite("PostgreSQL with inline projections", layer, { describe, it, services: ["EventStore", "Aggregate"] })

afterAll(async () => {
  // The laws ran on categories whose appends kept a projection, and kept it well.
  const wrong = await Effect.runPromise(
    Effect.provide(
      PgClient.PgClient.use((sql) =>
        Effect.gen(function* () {
          const tables = yield* sql`SELECT i.category, m.table_name FROM evolvent.inline_projections i
            JOIN evolvent.read_models m ON m.name = i.name`.values
          let differing = 0
          for (const [category, table] of tables) {
            const [[different] = []] = yield* sql.unsafe(
              `SELECT count(*)::int FROM (SELECT stream, count(*) AS n FROM evolvent.events WHERE category = $1
                 AND type IN ('Counted', 'Deposited', 'Withdrawn') GROUP BY 1) e
               FULL JOIN evolvent."${String(table)}" r ON $1 || '-' || r.key = e.stream
               WHERE e.n IS DISTINCT FROM (r.row->>'count')::int
                 -- The row of an archived stream stays; that of a deleted one is gone with its events.
                 AND NOT EXISTS (
                   SELECT FROM evolvent.events t WHERE t.stream = $1 || '-' || r.key AND t.type = '$archived'
                 )`,
              [category]
            ).values
            differing += Number(different)
          }
          return [tables.length, differing]
        })
      ),
      services
    )
  )
  expect(kept).toBeGreaterThan(50)
  expect(wrong[0]).toBeGreaterThan(50)
  expect(wrong[1]).toBe(0)
}, 60_000)
