// The event store's driver on PostgreSQL: appends by group commit, reads pages by index, follows by the tail.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { Driver, EncodedAppend, EncodedPage, Outcome, ReadRequest } from "evolvent/EventStore"
import { because } from "evolvent/EventStoreError"
import type { EventStoreError } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { settle } from "./appendAlone.ts"
import * as appendStatements from "./appendStatements.ts"
import type { Database } from "./Database.ts"
import * as groupCommit from "./groupCommit.ts"
import { entryProblem } from "./readModelTableLimits.ts"
import * as feed from "./readFeed.ts"
import * as streams from "./readStream.ts"
import { toRecorded } from "./rows.ts"
import { recordedColumns } from "./sql/functions/recorded.ts"
import { reasonOf } from "./sqlErrors.ts"
import type { Tail } from "./tail.ts"

/** The driver of a database, on a tail. */
export const make = Effect.fnUntraced(function* (
  db: Database,
  tail: Tail,
  limits: groupCommit.Limits
): Effect.fn.Return<Driver, never, Scope.Scope> {
  const { run, schema, sql } = db
  const statements = appendStatements.make(db)
  const gathered = yield* groupCommit.make(statements, limits)
  const readStream = streams.make(db, tail)
  const readFeed = feed.make(db, tail)
  const findOne = `SELECT ${recordedColumns} FROM ${schema}.events e WHERE e.id = $1 AND e.stream = $2`
  const lastRevision = `SELECT e.revision::float8 FROM ${schema}.events e WHERE e.stream = $1 ORDER BY e.revision DESC LIMIT 1`
  const lastPosition = `SELECT e.position::float8 FROM ${schema}.events e ORDER BY e.position DESC LIMIT 1`

  const explained = <A>(operation: string, effect: Effect.Effect<A, SqlError>): Effect.Effect<A, EventStoreError> =>
    Effect.mapError(effect, (error) => because(operation, reasonOf(error)))

  const inTransaction = Effect.map(Effect.serviceOption(sql.transactionService), ({ _tag }) => _tag === "Some")

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
        : settle(statements, appends, statements.all(appends), { retry: true })
    return Effect.map(outcome, (done) => {
      committed(done)
      return done
    })
  }

  const append = (appends: ReadonlyArray<EncodedAppend>): Effect.Effect<Outcome, EventStoreError> => {
    const problem = nameProblem(appends)
    if (problem !== undefined) return Effect.fail(because("EventStore.append", problem))
    return explained(
      "EventStore.append",
      Effect.flatMap(inTransaction, (is) => (is ? within(appends) : alone(appends)))
    )
  }

  const read = (request: ReadRequest): Effect.Effect<EncodedPage, EventStoreError> =>
    explained(
      "EventStore.read",
      request.filter._tag === "Stream" ? readStream(request, request.filter) : readFeed(request)
    )

  return {
    capabilities: { idempotency: "forever", appendAll: true, maxAppendBytes: 8 * 1024 * 1024 },
    append,
    read,
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
    listen: tail.follow,
    // The tail polls, for all who follow it.
    pollInterval: "Infinity"
  }
})

const nameProblem = (appends: ReadonlyArray<EncodedAppend>): StreamName.InvalidStreamName | undefined => {
  for (const { category, stream } of appends) {
    const problem = entryProblem(stream)
    if (problem !== undefined) {
      const id = StreamName.id(stream)
      return new StreamName.InvalidStreamName({ category, id, problem: `the name ${problem}` })
    }
  }
  return undefined
}
