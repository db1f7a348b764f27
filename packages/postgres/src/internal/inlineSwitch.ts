// inlineSwitch: from a processor to the appends and back, while everybody works; nothing is lost and nothing counts twice.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { BeginTransaction } from "effect/sql/SqlClient"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { CheckpointStore } from "evolvent/CheckpointStore"
import type { CheckpointStoreError } from "evolvent/CheckpointStoreError"
import { decodePage, EventStore } from "evolvent/EventStore"
import type { EventStoreError } from "evolvent/EventStoreError"
import type { Position } from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import type { Projection } from "evolvent/Projection"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { ReadModelStoreError } from "evolvent/ReadModelStore"
import { InlineFailed, InlineRefused } from "../InlineProjections.ts"
import type { InlineProjections } from "../InlineProjections.ts"
import type { Database } from "./Database.ts"
import { registered } from "./inlineRegistry.ts"
import type { Registered, Registry } from "./inlineRegistry.ts"
import * as tables from "./readModelTableCatalogue.ts"
import { array } from "./readModelTableColumn.ts"
import { plannedAt } from "./plannedAt.ts"
import { toRecorded } from "./rows.ts"
import { fenceCheckpoint } from "./sql/fenceCheckpoint.ts"
import { inlineHolder } from "./sql/functions/beginInline.ts"
import { readFeed } from "./sql/readFeed.ts"
import { releaseLeases } from "./sql/releaseLeases.ts"
import { explain, sqlState } from "./sqlErrors.ts"
import { inTransaction } from "./transaction.ts"

type Failure = SqlError | EventStoreError | CheckpointStoreError | ReadModelStoreError | Processor.ProcessorStopped

const pageSize = 500

// So little is folded under the lock at once: fewer events are not worth a processor's start.
const atOnce = 1000

// What has appended and stays open would hold up all appends behind the lock: it is let go and tried for again.
const lockTimeout = "500ms"
const forAMinute = Schedule.max([Schedule.jittered(Schedule.spaced("250 millis")), Schedule.recurs(80)])

// How long processors are kept off while the last events are folded; it runs out by itself where this process dies.
const fenceFor = 30_000

const operation = "Postgres.layerInline"

/** The stores that a projection's processor runs on. */
export type Stores = Context.Context<EventStore | CheckpointStore | ReadModelStore>

/** Begins and ends the inline projections of a database. */
export const make = (db: Database, registry: Registry, stores: Stores): InlineProjections["Service"] => {
  const { run, schema, sql } = db
  const events = Context.get(stores, EventStore)
  const checkpoints = Context.get(stores, CheckpointStore)
  const rows = Context.get(stores, ReadModelStore)
  const catalogue = tables.make(db)
  const statements = {
    begin: `SELECT ${schema}.begin_inline($1, $2, $3, $4, $5)`,
    end: `SELECT ${schema}.end_inline($1, $2)`,
    fence: fenceCheckpoint(schema),
    find: `SELECT i.category FROM ${schema}.inline_projections i WHERE i.checkpoint = $1`,
    hold: `SELECT c.name, c.position::float8 FROM ${schema}.checkpoints c WHERE c.name = ANY ($1::text[]) ORDER BY c.name FOR UPDATE`,
    lock: `SELECT ${schema}.lock_for_inline()`,
    page: readFeed(schema, "some", "forwards"),
    patience: `SELECT set_config('lock_timeout', '${lockTimeout}', true)`,
    release: releaseLeases(schema)
  }

  /** A transaction that waits for no lock for long, and whose statements see what was committed before each of them. */
  const briefly = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SqlError> =>
    Effect.provideService(
      inTransaction(sql, Effect.andThen(run(statements.patience, []), effect), identity),
      BeginTransaction,
      "BEGIN ISOLATION LEVEL READ COMMITTED"
    )

  const persistently = <A>(effect: Effect.Effect<A, Failure>): Effect.Effect<A, Failure> =>
    Effect.retry(effect, { schedule: forAMinute, while: isRetryable })

  /** The category that a projection is inline for, in the whole database. */
  const inlineFor = ({ checkpoint }: Registered): Effect.Effect<string | undefined, SqlError> =>
    Effect.map(run(statements.find, [PgTypes.text(checkpoint)]), ([row]) =>
      row === undefined ? undefined : String(row[0])
    )

  /** Lets the projection's processor run until little is left, or until somebody else has switched. */
  const catchUp = Effect.fnUntraced(function* <Name extends string, Row, Index extends string>(
    projection: Projection<Name, Row, Index>,
    { checkpoint }: Registered
  ): Effect.fn.Return<void, Failure> {
    const processor = Processor.projection(projection)
    const stands = Effect.map(checkpoints.loadAll(Processor.slotNames(checkpoint)), (all) =>
      Math.min(...all.map(({ position }) => position))
    )
    const reach = (target: Position): Effect.Effect<void, CheckpointStoreError> =>
      Effect.flatMap(stands, (position) =>
        position >= target ? Effect.void : Effect.andThen(Effect.sleep("20 millis"), reach(target))
      )
    // Under load each round has less left to do than the one before.
    for (let rounds = 0; rounds < 10; rounds++) {
      const head = yield* events.head
      if (head - (yield* stands) <= atOnce) return
      yield* Effect.raceFirst(Effect.provideContext(Processor.run(processor), stores), reach(head))
    }
  })

  /** Folds what the processor has left, and has every append keep the projection from here on. */
  const switchOver = (one: Registered): Effect.Effect<void, Failure> => {
    const { category, checkpoint, keep, name, table, version } = one
    const categories = Result.getOrThrow(PgTypes.array([category], PgTypes.OID.text))
    const everything = PgTypes.int8(BigInt(Number.MAX_SAFE_INTEGER))
    const foldFrom = Effect.fnUntraced(function* (stands: ReadonlyArray<number>): Effect.fn.Return<number, Failure> {
      let last = Math.min(...stands)
      while (true) {
        const range = [PgTypes.int8(BigInt(last + 1)), everything]
        const limit = PgTypes.int4(pageSize)
        const found = yield* run(plannedAt(last, statements.page), [
          ...range,
          categories,
          PgTypes.bool(true),
          null,
          null,
          null,
          limit
        ])
        const page = found.map(toRecorded)
        // Some slots may have been ahead of others.
        const left = page.filter(({ category, position, stream }) => {
          const key = stream.slice(category.length + 1)
          return position > (stands[Processor.slotOf(key)] ?? 0)
        })
        if (left.length > 0) yield* keep(decodePage(left))
        last = page.at(-1)?.position ?? last
        if (page.length < pageSize) return last
      }
    })
    return briefly(
      Effect.gen(function* (): Effect.fn.Return<void, Failure> {
        yield* run(statements.lock, [])
        if ((yield* inlineFor(one)) !== undefined) return
        // Before the first append that writes to it, which would else create it, and all others would wait for its commit.
        yield* catalogue.ensure(operation, table)
        // Whoever is about to move it waits here, and then finds that it has lost its lease.
        const names = Processor.slotNames(checkpoint)
        const stored = new Map(
          (yield* run(statements.hold, [array(names, "text")])).map(([name, position]) => [name, Number(position)])
        )
        const last = yield* foldFrom(names.map((name) => stored.get(name) ?? 0))
        yield* run(statements.begin, [
          PgTypes.text(checkpoint),
          PgTypes.text(name),
          PgTypes.int8(BigInt(version)),
          PgTypes.text(category),
          PgTypes.int8(BigInt(last))
        ])
      })
    )
  }

  /** Keeps processors off meanwhile, so that none has the rows that are folded: what it is about to commit is refused. */
  const fenced = ({ checkpoint }: Registered, effect: Effect.Effect<void, Failure>): Effect.Effect<void, Failure> =>
    Effect.acquireUseRelease(
      run(statements.fence, [
        array(Processor.slotNames(checkpoint), "text"),
        PgTypes.text(inlineHolder),
        PgTypes.float8(fenceFor)
      ]),
      () => effect,
      (fences) =>
        // Where the switch went through their tokens are others.
        Effect.ignore(
          run(statements.release, [
            array(
              fences.map(([name]) => name),
              "text"
            ),
            array(
              fences.map(([, token]) => BigInt(Number(token))),
              "int8"
            ),
            array(
              fences.map(() => inlineHolder),
              "text"
            )
          ])
        )
    )

  const failed = (projection: string, error: Failure): InlineFailed => {
    const waited =
      "a transaction that has appended stays open, and the switch must not hold up all other appends for it"
    const problem = isSqlError(error)
      ? sqlState(error) === "55P03"
        ? waited
        : explain(error).problem
      : error._tag === "EventStoreError"
        ? error.reason.message
        : error.message
    return new InlineFailed({ projection, problem, isRetryable: isRetryable(error), cause: error })
  }

  return {
    register: Effect.fnUntraced(function* (projection) {
      const { from, name } = projection
      const problem = problemOf(projection)
      const [source] = from
      if (problem !== undefined || source === undefined) {
        return yield* new InlineRefused({ projection: name, problem: problem ?? "it has no source" })
      }
      const one = registered(projection, source.name, rows)
      const other = (category: string) => {
        const found = `version ${one.version} of it is kept by appends to category "${category}"`
        return new InlineRefused({
          projection: name,
          problem: `${found}, and is defined from "${one.category}" here; give it a new version`
        })
      }
      const explained = <A>(effect: Effect.Effect<A, Failure>) =>
        Effect.mapError(effect, (error) => failed(name, error))
      const { admit } = Processor.projection(projection)
      if (admit !== undefined) {
        yield* Effect.catch(
          Effect.provideContext(admit, stores),
          (error): Effect.Effect<never, InlineRefused | InlineFailed> =>
            error._tag === "ProjectionChanged" || error._tag === "ProjectionMoved"
              ? Effect.fail(new InlineRefused({ projection: name, problem: error.message }))
              : error._tag === "EventFailed" || error._tag === "CheckpointMoved" || error._tag === "LeaseLost"
                ? Effect.die(error)
                : Effect.fail(failed(name, error))
        )
      }
      const before = yield* explained(inlineFor(one))
      if (before !== undefined && before !== one.category) return yield* other(before)
      // Before anybody switches: from then on appends of this process must know it.
      registry.add(one)
      if (before !== undefined) return
      yield* explained(catchUp(projection, one))
      yield* explained(persistently(fenced(one, switchOver(one))))
      const after = yield* explained(inlineFor(one))
      if (after !== undefined && after !== one.category) return yield* other(after)
    }),
    end: ({ name, version }) =>
      persistently(briefly(run(statements.end, [PgTypes.text(name), PgTypes.int8(BigInt(version))]))).pipe(
        Effect.mapError((error) => failed(name, error)),
        Effect.asVoid
      )
  }
}

const isRetryable = (error: Failure): boolean =>
  isSqlError(error) ? explain(error).isRetryable : error._tag !== "ProcessorStopped" && error.isRetryable

const problemOf = <Name extends string, Row, Index extends string>({
  from,
  isKeyedByStream
}: Projection<Name, Row, Index>): string | undefined => {
  const instead = "Leave it to Processor.layer(Processor.projection(…)), which takes events in their order"
  if (!isKeyedByStream) {
    return (
      `it has a key of its own, so that two streams could feed one row, and their appends, which run side by side, would ` +
      `overtake each other in it. ${instead}, or drop the key: then a row's key is its stream's id`
    )
  }
  if (from.length > 1) {
    const names = from.map((aggregate) => aggregate.name)
    return (
      `it has several sources (${names.join(", ")}), where streams of one id (${names.map((name) => `${name}-7`).join(", ")}) ` +
      `feed one row, and their appends, which run side by side, would overtake each other in it. ${instead}, or make a ` +
      `projection for each source`
    )
  }
  return undefined
}
