// The checkpoint store: a row for each name, moved by one conditional UPDATE that comes last in its transaction.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Stopped } from "evolvent/CheckpointStore"
import type { Checkpoint, Driver, Lease, Member, Move } from "evolvent/CheckpointStore"
import { CheckpointMoved, CheckpointStoreError, LeaseLost } from "evolvent/CheckpointStoreError"
import { InvalidRequest, Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import type { Database } from "./Database.ts"
import { array } from "./readModelTableColumn.ts"
import { entryProblem, textProblem } from "./readModelTableLimits.ts"
import { acquireLeases } from "./sql/acquireLeases.ts"
import { attend } from "./sql/attend.ts"
import { beginCheckpoints } from "./sql/beginCheckpoints.ts"
import { heldLeases } from "./sql/heldLeases.ts"
import { leave } from "./sql/leave.ts"
import { leaseHolders } from "./sql/leaseHolders.ts"
import { listCheckpoints } from "./sql/listCheckpoints.ts"
import { loadCheckpoints } from "./sql/loadCheckpoints.ts"
import { moveCheckpoints } from "./sql/moveCheckpoints.ts"
import { releaseLeases } from "./sql/releaseLeases.ts"
import { renewLeases } from "./sql/renewLeases.ts"
import { stopCheckpoint } from "./sql/stopCheckpoint.ts"
import { stopUnderLease } from "./sql/stopUnderLease.ts"
import { reasonOf } from "./sqlErrors.ts"
import { inTransaction } from "./transaction.ts"

// Undefined fields are left out of JSON. What was written by hand must not keep a runner from its checkpoint.
const decodeStopped = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      problem: Schema.String,
      eventId: Schema.optionalKey(Schema.String),
      stream: Schema.optionalKey(Schema.String),
      position: Schema.optionalKey(Schema.Int)
    })
  )
)

const stoppedOf = (text: unknown): Stopped | undefined =>
  Option.match(decodeStopped(text), {
    onNone: () => undefined,
    onSome: ({ eventId, position, problem, stream }) => new Stopped({ problem, eventId, stream, position })
  })

const unseen: Checkpoint = { position: Position.beginning, stopped: undefined }

const int8 = (n: number) => PgTypes.int8(BigInt(n))

// A lease for ever is a lease for a hundred years: the server adds it to a date.
const milliseconds = (duration: Duration.Duration): number => Math.min(Duration.toMillis(duration), 3.2e12)

/** How long a transaction may idle with its checkpoint moved but not committed. */
const idleLimit = ([move]: ReadonlyArray<Move>): number => {
  const longest = move?.lease === undefined ? 10_000 : milliseconds(move.lease.duration)
  return Math.trunc(Math.max(1000, Math.min(longest, 60_000)))
}

const failed = (operation: string, reason: Unavailable | InvalidRequest) =>
  new CheckpointStoreError({ operation: `CheckpointStore.${operation}`, reason })

const patience = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"

/** The checkpoints of a database. */
export const make = (db: Database): Driver => {
  const { schema, sql } = db
  const statements = {
    acquire: acquireLeases(schema),
    attend: attend(schema),
    begin: beginCheckpoints(schema),
    held: heldLeases(schema),
    holders: leaseHolders(schema),
    leave: leave(schema),
    list: listCheckpoints(schema),
    load: loadCheckpoints(schema),
    move: moveCheckpoints(schema),
    release: releaseLeases(schema),
    renew: renewLeases(schema),
    stop: stopCheckpoint(schema),
    stopUnderLease: stopUnderLease(schema)
  }

  const run = (operation: string, text: string, params: ReadonlyArray<unknown>) =>
    Effect.mapError(db.run(text, params), (error) => failed(operation, reasonOf(error)))

  /** Refuses a name that no row could have, before anything is sent. */
  const named = <A, E, R>(operation: string, names: ReadonlyArray<string>, effect: Effect.Effect<A, E, R>) =>
    Effect.suspend((): Effect.Effect<A, E | CheckpointStoreError, R> => {
      const problem = first(names, nameProblem)
      return problem === undefined ? effect : Effect.fail(failed(operation, new InvalidRequest({ problem })))
    })

  const load = (operation: string, names: ReadonlyArray<string>) =>
    Effect.map(run(operation, statements.load, [array(names, "text")]), (rows) => {
      const found = new Map(
        rows.map(([place, position, stopped]): [number, Checkpoint] => [
          Number(place) - 1,
          { position: Position.make(Number(position)), stopped: stoppedOf(stopped) }
        ])
      )
      return names.map((_, place) => found.get(place) ?? unseen)
    })

  const holders = (operation: string, names: ReadonlyArray<string>) =>
    Effect.map(run(operation, statements.holders, [array(names, "text")]), (rows) => {
      const found = new Map(rows.map(([place, holder]) => [Number(place) - 1, String(holder)]))
      return names.map((_, place) => found.get(place))
    })

  /** Finds the lease that was lost, if one was. */
  const prove = (operation: string, leases: ReadonlyArray<Lease>) =>
    Effect.flatMap(run(operation, statements.held, leaseParams(leases).slice(0, 3)), (rows) => {
      const kept = new Set(rows.map(([name]) => name))
      const gone = leases.find(({ name }) => !kept.has(name))
      return gone === undefined ? Effect.void : Effect.fail(lost(gone))
    })

  const renew = (leases: ReadonlyArray<Lease>): Effect.Effect<void, LeaseLost | CheckpointStoreError> =>
    Effect.flatMap(run("renew", statements.renew, leaseParams(leases)), ({ length }) =>
      length > 0 ? Effect.void : Effect.andThen(prove("renew", leases), renew(leases))
    )

  /** The compare-and-set: where it finds nothing to move, it looks why. */
  const move = Effect.fnUntraced(function* (moves: ReadonlyArray<Move>, idle: string | null) {
    const names = moves.map(({ name }) => name)
    const params = [
      array(names, "text"),
      array(
        moves.map(({ from }) => BigInt(from)),
        "int8"
      ),
      array(
        moves.map(({ to }) => BigInt(to)),
        "int8"
      ),
      array(
        moves.map(({ lease }) => (lease === undefined ? null : BigInt(lease.token))),
        "int8"
      ),
      array(
        moves.map(({ lease }) => lease?.holder ?? null),
        "text"
      ),
      PgTypes.text(idle)
    ]
    const moved = yield* run("transact", statements.move, params)
    if (moved.length > 0) return
    if (moves.some(({ from, lease }) => from === Position.beginning && lease === undefined)) {
      yield* run("transact", statements.begin, [array(names, "text")])
      const begun = yield* run("transact", statements.move, params)
      if (begun.length > 0) return
    }
    const leases = moves.flatMap(({ lease }) => lease ?? [])
    if (leases.length > 0) yield* prove("transact", leases)
    const stored = yield* load("transact", names)
    for (const [i, { from, name }] of moves.entries()) {
      const actual = stored[i]?.position ?? Position.beginning
      if (actual !== from) return yield* new CheckpointMoved({ name, expected: from, actual })
    }
    const problem = `the checkpoint of "${names.join(", ")}" changed in the very moment of its move`
    return yield* failed("transact", new Unavailable({ problem }))
  })

  /** Has the server end the running transaction where it stands still for long. */
  const hurry = (moves: ReadonlyArray<Move>) => run("transact", patience, [PgTypes.text(String(2 * idleLimit(moves)))])

  /** Runs an effect in a transaction; what the transaction itself fails with becomes this store's error. */
  const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CheckpointStoreError, R> =>
    inTransaction(sql, effect, (error) => failed("transact", reasonOf(error)))

  return {
    capabilities: { transaction: true },
    load: (names) => named("load", names, load("load", names)),
    names: Effect.map(run("names", statements.list, []), (rows) => rows.map(([name]) => String(name))),
    commit: (moves, writes) =>
      named(
        "transact",
        moves.map(({ name }) => name),
        // Nothing to write: one statement, which is its own transaction unless there is one around it.
        Object.is(writes, Effect.void)
          ? Effect.andThen(move(moves, null), writes)
          : Effect.flatMap(Effect.serviceOption(sql.transactionService), (outer) =>
              Option.isSome(outer)
                ? transaction(Effect.tap(writes, () => move(moves, null)))
                : // From its first write on it holds rows that a successor needs: who stands still loses them.
                  transaction(
                    Effect.andThen(
                      hurry(moves),
                      Effect.tap(writes, () => move(moves, String(idleLimit(moves))))
                    )
                  )
            )
      ),
    stop: (name, stopped, lease) =>
      named(
        "stop",
        [name],
        Effect.suspend((): Effect.Effect<void, LeaseLost | CheckpointStoreError> => {
          const text = PgTypes.text(JSON.stringify(stopped))
          if (lease === undefined) return Effect.asVoid(run("stop", statements.stop, [PgTypes.text(name), text]))
          const params = [PgTypes.text(name), text, int8(lease.token), PgTypes.text(lease.holder)]
          return Effect.flatMap(run("stop", statements.stopUnderLease, params), ({ length }) =>
            length > 0 ? Effect.void : Effect.fail(lost(lease))
          )
        })
      ),
    acquire: (names, holder, duration) => {
      const problem = textProblem(holder)
      if (problem !== undefined) {
        return Effect.fail(failed("acquire", new InvalidRequest({ problem: `the holder of a lease ${problem}` })))
      }
      const params = [array(names, "text"), PgTypes.text(holder), PgTypes.float8(milliseconds(duration))]
      return named(
        "acquire",
        names,
        Effect.map(run("acquire", statements.acquire, params), (rows) =>
          rows.map(([name, token]): Lease => ({ name: String(name), holder, token: Number(token), duration }))
        )
      )
    },
    renew: (leases) => (leases.length === 0 ? Effect.void : renew(leases)),
    release: (leases) => Effect.asVoid(run("release", statements.release, leaseParams(leases).slice(0, 3))),
    holders: (names) => named("holders", names, holders("holders", names)),
    attend: (name, { holder, partitions }, duration) => {
      const params = [
        PgTypes.text(name),
        PgTypes.text(holder),
        PgTypes.int4(partitions),
        PgTypes.float8(milliseconds(duration))
      ]
      return named(
        "attend",
        [name],
        Effect.map(run("attend", statements.attend, params), (rows) =>
          rows.map(([holder, partitions]): Member => ({ holder: String(holder), partitions: Number(partitions) }))
        )
      )
    },
    leave: (name, holder) => Effect.asVoid(run("leave", statements.leave, [PgTypes.text(name), PgTypes.text(holder)]))
  }
}

const leaseParams = (leases: ReadonlyArray<Lease>) => [
  array(
    leases.map(({ name }) => name),
    "text"
  ),
  array(
    leases.map(({ token }) => BigInt(token)),
    "int8"
  ),
  array(
    leases.map(({ holder }) => holder),
    "text"
  ),
  array(
    leases.map(({ duration }) => milliseconds(duration)),
    "float8"
  )
]

const lost = ({ holder, name, token }: Lease): LeaseLost => new LeaseLost({ name, holder, token })

const first = <A, B>(list: ReadonlyArray<A>, find: (one: A) => B | undefined): B | undefined => {
  for (const one of list) {
    const found = find(one)
    if (found !== undefined) return found
  }
  return undefined
}

const nameProblem = (name: string): string | undefined => {
  const problem = textProblem(name) ?? entryProblem(name)
  return problem === undefined ? undefined : `the name of a checkpoint ${problem}`
}
