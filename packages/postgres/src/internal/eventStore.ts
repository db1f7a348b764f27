// The event store's driver on PostgreSQL: appends by group commit, reads pages by index, follows by the tail.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import type { Driver, EncodedAppend, EncodedPage, Outcome, ReadRequest } from "evolvent/EventStore"
import { because, Unsupported } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { again, settle } from "./appendAlone.ts"
import { closed } from "./appendRefusals.ts"
import * as appendStatements from "./appendStatements.ts"
import { literal } from "./Database.ts"
import type { Database } from "./Database.ts"
import * as groupCommit from "./groupCommit.ts"
import * as importEvents from "./importEvents.ts"
import * as keptConnections from "./keptConnections.ts"
import * as inlineAppend from "./inlineAppend.ts"
import * as inlineRegistry from "./inlineRegistry.ts"
import { entryProblem } from "./readModelTableLimits.ts"
import * as feed from "./readFeed.ts"
import * as removals from "./removal.ts"
import * as histories from "./readHistory.ts"
import * as streams from "./readStream.ts"
import { toRecorded } from "./rows.ts"
import { recordedColumns } from "./sql/functions/recorded.ts"
import { unaware } from "./sql/functions/refuseUnaware.ts"
import { obstacle } from "./sql/obstacle.ts"
import { reasonOf, sqlState } from "./sqlErrors.ts"
import type { Tail } from "./tail.ts"

/** The driver of a database, on a tail; appends keep the projections of the registry. */
export const make = Effect.fnUntraced(function* (
  db: Database,
  tail: Tail,
  limits: groupCommit.Limits,
  registry: inlineRegistry.Registry = inlineRegistry.make(db.schema)
): Effect.fn.Return<Driver, never, Scope.Scope> {
  const { run, schema, sql } = db
  const statements = appendStatements.make(db)
  const kept = yield* keptConnections.make(db)
  const [table, sequence] = [literal(`${schema}.events`), literal(`${schema}.position`)]
  const importing = literal(`${schema}.import_events`)
  const mayInsert = `has_table_privilege(${table}, 'INSERT') AND has_sequence_privilege(${sequence}, 'USAGE')`
  const mayCall = (name: string) => `coalesce(has_function_privilege(to_regproc(${name}), 'EXECUTE'), false)`
  const mayImport = mayCall(importing)
  const mayRemove = mayCall(literal(`${schema}.remove_stream`))
  const [rights] = yield* Effect.orElseSucceed(run(`SELECT ${mayInsert}, ${mayImport}, ${mayRemove}`, []), () => [])
  const gathered = yield* groupCommit.make(appendStatements.make({ ...db, run: kept }, rights?.[0] === true), limits)
  // Whoever still waits for a stream when the store is closed must hear of it.
  const closing = yield* Deferred.make<never, SqlError>()
  yield* Effect.addFinalizer(() => Deferred.fail(closing, closed()))
  const untilClosed = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SqlError> =>
    Effect.raceFirst(effect, Deferred.await(closing))
  const inline = inlineAppend.make(db, statements, registry, limits)
  const readStream = streams.make(db, tail)
  const readFeed = feed.make(db, tail)
  const readHistory = histories.make(db)
  const importAll = importEvents.make(db)
  const removal = removals.make(db)
  const findOne = `SELECT ${recordedColumns} FROM ${schema}.events e WHERE e.id = $1 AND e.stream = $2`
  const lastRevision = `SELECT e.revision::float8 FROM ${schema}.events e WHERE e.stream = $1 ORDER BY e.revision DESC LIMIT 1`
  const inTheWay = obstacle(schema)
  const truncate = `SELECT ${schema}.truncate_stream($1, $2, to_timestamp($3::float8 / 1000))`
  const lastPosition = `SELECT e.position::float8 FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1`

  const explained = <A>(
    operation: string,
    effect: Effect.Effect<A, SqlError | EventStoreError>
  ): Effect.Effect<A, EventStoreError> =>
    Effect.mapError(effect, (error) => (isSqlError(error) ? because(operation, reasonOf(error)) : error))

  const committed = (outcome: Outcome): void => {
    if (outcome._tag !== "Appended") return
    let newest = 0
    for (const { position, repeated } of outcome.results) if (!repeated) newest = Math.max(newest, position)
    if (newest > 0) tail.appended(newest)
  }

  // A caller's transaction takes the append in; whether it commits is known when it is over.
  const within = (appends: ReadonlyArray<EncodedAppend>): Effect.Effect<Outcome, SqlError> => {
    const [only] = appends
    const attempt = only !== undefined && appends.length === 1 ? statements.one(only, true) : statements.all(appends)
    return Effect.tap(settle(statements, appends, attempt, { retry: false }), (outcome) =>
      sql.afterCommit(Effect.sync(() => committed(outcome)))
    )
  }

  const alone = (appends: ReadonlyArray<EncodedAppend>): Effect.Effect<Outcome, SqlError> => {
    const [only] = appends
    const outcome =
      only !== undefined && appends.length === 1
        ? gathered(only)
        : untilClosed(settle(statements, appends, statements.all(appends), { retry: true }))
    return Effect.map(outcome, (done) => {
      committed(done)
      return done
    })
  }

  const keeping = (appends: ReadonlyArray<EncodedAppend>, storing?: Effect.Effect<Outcome, SqlError>) =>
    Effect.tap(untilClosed(inline(appends, storing)), (outcome) =>
      sql.afterCommit(Effect.sync(() => committed(outcome)))
    )

  /** What stores nothing twice, however often it is run: again where it failed and that may help, and no transaction is lost by it. */
  const whole = (storing: Effect.Effect<Outcome, SqlError>): Effect.Effect<Outcome, SqlError> =>
    Effect.flatMap(Effect.serviceOption(sql.transactionService), ({ _tag }) =>
      Effect.tap(
        _tag === "Some"
          ? storing
          : Effect.retry(untilClosed(storing), {
              schedule: again,
              while: (error) => reasonOf(error)._tag === "Unavailable"
            }),
        (outcome) => sql.afterCommit(Effect.sync(() => committed(outcome)))
      )
    )

  const explain = (error: SqlError | EventStoreError): EventStoreError =>
    isSqlError(error) ? because("EventStore.append", reasonOf(error)) : error

  const append = (appends: ReadonlyArray<EncodedAppend>): Effect.Effect<Outcome, EventStoreError> => {
    const problem = nameProblem(appends)
    if (problem !== undefined) return Effect.fail(because("EventStore.append", problem))
    if (registry.touches(appends)) return Effect.mapError(keeping(appends), explain)
    return Effect.withFiber((fiber) => {
      const transaction = Context.getOrUndefined(fiber.context, sql.transactionService)
      if (transaction !== undefined) return Effect.mapError(within(appends), explain)
      return Effect.catch(alone(appends), (error) =>
        // What was on its way while a projection was registered here goes there instead.
        sqlState(error) === unaware && registry.touches(appends)
          ? Effect.mapError(keeping(appends), explain)
          : Effect.fail(explain(error))
      )
    })
  }

  const read = (request: ReadRequest): Effect.Effect<EncodedPage, EventStoreError> =>
    explained(
      "EventStore.read",
      request.filter._tag === "Stream" ? readStream(request, request.filter) : readFeed(request)
    )

  return {
    capabilities: {
      idempotency: "forever",
      appendAll: true,
      truncate: true,
      import: rights?.[1] === true,
      remove: rights?.[2] === true,
      restore: rights?.[2] === true,
      maxAppendBytes: 8 * 1024 * 1024
    },
    append,
    read,
    history: (stream, from, limit) => explained("EventStore.history", readHistory(stream, from, limit)),
    find: (stream, id) =>
      Effect.map(explained("EventStore.find", run(findOne, [PgTypes.uuid(id), PgTypes.text(stream)])), ([row]) =>
        row === undefined ? undefined : toRecorded(row)
      ),
    head: explained("EventStore.head", Effect.map(tail.lookForOwn, Position.make)),
    newest: Effect.map(explained("EventStore.newest", run(lastPosition, [])), ([row]) =>
      Position.make(Number(row?.[0] ?? Position.beginning))
    ),
    streamRevision: (stream) =>
      Effect.map(explained("EventStore.streamRevision", run(lastRevision, [PgTypes.text(stream)])), ([row]) =>
        row === undefined ? undefined : Revision.make(Number(row[0]))
      ),
    truncate: (stream, { before, recordedBefore }) => {
      const params = [
        PgTypes.text(stream),
        PgTypes.int8(BigInt(before)),
        PgTypes.float8(DateTime.toEpochMillis(recordedBefore))
      ]
      return Effect.asVoid(explained("EventStore.truncate", run(truncate, params)))
    },
    joinsTransaction: Effect.withFiber((fiber) =>
      Effect.succeed(Context.getOrUndefined(fiber.context, sql.transactionService) !== undefined)
    ),
    remove: (given) => {
      if (rights?.[2] !== true) return refuseRemoval("EventStore.remove", "removing streams")
      const removed = removal.remove(given)
      const append = [removals.asAppend(given)]
      return explained(
        "EventStore.remove",
        Effect.suspend(() => (registry.touches(append) ? keeping(append, removed) : whole(removed)))
      )
    },
    restore: (given) => {
      if (rights?.[2] !== true) return refuseRemoval("EventStore.restore", "bringing removed streams back")
      const restored = removal.restore(given)
      // What projections have seen they do not see again: to them it is the marker that is appended.
      const append = [removals.asAppend({ ...given, tombstone: given.marker })]
      return explained(
        "EventStore.restore",
        Effect.suspend(() => (registry.touches(append) ? keeping(append, restored) : whole(restored)))
      )
    },
    obstacle: Effect.map(explained("EventStore.obstacle", run(inTheWay, [])), ([row]) =>
      row === undefined
        ? undefined
        : { position: Position.make(Number(row[0])), by: String(row[1]), age: Duration.millis(Number(row[2])) }
    ),
    import: (request) => {
      if (rights?.[1] !== true) return Effect.fail(because("EventStore.importEncoded", new Unsupported({ feature })))
      const problem = nameProblem(request.events)
      return problem === undefined
        ? Effect.tap(explained("EventStore.importEncoded", importAll(request)), (outcome) =>
            sql.afterCommit(Effect.sync(() => (outcome._tag === "Imported" ? tail.appended(outcome.last) : undefined)))
          )
        : Effect.fail(because("EventStore.importEncoded", problem))
    },
    listen: tail.follow,
    // The tail polls, for all who follow it.
    pollInterval: "Infinity"
  }
})

// Who may write events may not say when they happened.
const feature = "importing the events of another store in this role: sign in as the owner of the schema"

const refuseRemoval = (operation: string, feature: string) =>
  Effect.fail(
    because(operation, new Unsupported({ feature: `${feature} in this role: sign in as the owner of the schema` }))
  )

const nameProblem = (
  appends: ReadonlyArray<Pick<EncodedAppend, "category" | "stream">>
): StreamName.InvalidStreamName | undefined => {
  for (const { category, stream } of appends) {
    const problem = entryProblem(stream)
    if (problem !== undefined) {
      const id = StreamName.id(stream)
      return new StreamName.InvalidStreamName({ category, id, problem: `the name ${problem}` })
    }
  }
  return undefined
}
