// The checkpoint store: a row for each name, moved by one conditional UPDATE that comes last in its transaction.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Stopped } from "evolvent/CheckpointStore"
import type { Driver, Lease, Move } from "evolvent/CheckpointStore"
import { CheckpointMoved, CheckpointStoreError, LeaseHeld, LeaseLost } from "evolvent/CheckpointStoreError"
import { InvalidRequest, Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import type { Database, Values } from "./Database.ts"
import { entryProblem, textProblem } from "./readModelTableLimits.ts"
import { acquireLease } from "./sql/acquireLease.ts"
import { beginCheckpoint } from "./sql/beginCheckpoint.ts"
import { loadCheckpoint } from "./sql/loadCheckpoint.ts"
import { moveCheckpoint } from "./sql/moveCheckpoint.ts"
import { releaseLease } from "./sql/releaseLease.ts"
import { renewLease } from "./sql/renewLease.ts"
import { stopCheckpoint } from "./sql/stopCheckpoint.ts"
import { stopUnderLease } from "./sql/stopUnderLease.ts"
import { reasonOf } from "./sqlErrors.ts"
import { inTransaction } from "./transaction.ts"

interface Stored {
  readonly position: Position.Position
  readonly stopped: Stopped | undefined
  readonly holder: string | undefined
  readonly token: number
  readonly isHeld: boolean
}

const unseen: Stored = { position: Position.beginning, stopped: undefined, holder: undefined, token: 0, isHeld: false }

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

const storedOf = ([row]: ReadonlyArray<Values>): Stored =>
  row === undefined
    ? unseen
    : {
        position: Position.make(Number(row[0])),
        stopped: stoppedOf(row[1]),
        holder: row[2] === null ? undefined : String(row[2]),
        token: Number(row[3]),
        isHeld: row[4] === true
      }

const int8 = (n: number) => PgTypes.int8(BigInt(n))

// A lease for ever is a lease for a hundred years: the server adds it to a date.
const milliseconds = (duration: Duration.Duration): number => Math.min(Duration.toMillis(duration), 3.2e12)

/** How long a transaction may idle with its checkpoint moved but not committed. */
const idleLimit = ({ lease }: Move): string => {
  const longest = lease === undefined ? 10_000 : milliseconds(lease.duration)
  return String(Math.trunc(Math.max(1000, Math.min(longest, 60_000))))
}

const failed = (operation: string, reason: Unavailable | InvalidRequest) =>
  new CheckpointStoreError({ operation: `CheckpointStore.${operation}`, reason })

/** The checkpoints of a database. */
export const make = (db: Database): Driver => {
  const { schema, sql } = db
  const statements = {
    acquire: acquireLease(schema),
    begin: beginCheckpoint(schema),
    load: loadCheckpoint(schema),
    move: moveCheckpoint(schema),
    release: releaseLease(schema),
    renew: renewLease(schema),
    stop: stopCheckpoint(schema),
    stopUnderLease: stopUnderLease(schema)
  }

  const run = (operation: string, text: string, params: ReadonlyArray<unknown>) =>
    Effect.mapError(db.run(text, params), (error) => failed(operation, reasonOf(error)))

  /** Refuses a name that no row could have, before anything is sent. */
  const named = <A, E, R>(operation: string, name: string, effect: Effect.Effect<A, E, R>) =>
    Effect.suspend((): Effect.Effect<A, E | CheckpointStoreError, R> => {
      const problem = nameProblem(name)
      return problem === undefined ? effect : Effect.fail(failed(operation, new InvalidRequest({ problem })))
    })

  const find = (operation: string, name: string) =>
    Effect.map(run(operation, statements.load, [PgTypes.text(name)]), storedOf)

  /** The compare-and-set: where it finds nothing to move, it looks why. */
  const move = Effect.fnUntraced(function* (step: Move, idle: string | null) {
    const { from, lease, name, to } = step
    const moved = yield* run("transact", statements.move, [
      PgTypes.text(name),
      int8(from),
      int8(to),
      lease === undefined ? PgTypes.int8(null) : int8(lease.token),
      PgTypes.text(lease?.holder ?? null),
      PgTypes.text(idle)
    ])
    if (moved.length > 0) return
    if (from === Position.beginning && lease === undefined) {
      const begun = yield* run("transact", statements.begin, [PgTypes.text(name), int8(to)])
      if (begun.length > 0) return
    }
    const stored = yield* find("transact", name)
    if (lease !== undefined && (stored.holder !== lease.holder || stored.token !== lease.token)) {
      return yield* lost(lease)
    }
    if (stored.position !== from) {
      return yield* new CheckpointMoved({ name, expected: from, actual: stored.position })
    }
    const problem = `the checkpoint of "${name}" changed in the very moment of its move`
    return yield* failed("transact", new Unavailable({ problem }))
  })

  /** Runs an effect in a transaction; what the transaction itself fails with becomes this store's error. */
  const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CheckpointStoreError, R> =>
    inTransaction(sql, effect, (error) => failed("transact", reasonOf(error)))

  return {
    capabilities: { transaction: true },
    load: (name) =>
      named(
        "load",
        name,
        Effect.map(find("load", name), ({ position, stopped }) => ({ position, stopped }))
      ),
    commit: (step, writes) =>
      named(
        "transact",
        step.name,
        // Nothing to write: one statement, which is its own transaction unless there is one around it.
        Object.is(writes, Effect.void)
          ? Effect.andThen(move(step, null), writes)
          : Effect.flatMap(Effect.serviceOption(sql.transactionService), (outer) =>
              transaction(Effect.tap(writes, () => move(step, Option.isSome(outer) ? null : idleLimit(step))))
            )
      ),
    stop: (name, stopped, lease) =>
      named(
        "stop",
        name,
        Effect.suspend((): Effect.Effect<void, LeaseLost | CheckpointStoreError> => {
          const text = PgTypes.text(JSON.stringify(stopped))
          if (lease === undefined) return Effect.asVoid(run("stop", statements.stop, [PgTypes.text(name), text]))
          const params = [PgTypes.text(name), text, int8(lease.token), PgTypes.text(lease.holder)]
          return Effect.flatMap(run("stop", statements.stopUnderLease, params), ({ length }) =>
            length > 0 ? Effect.void : lost(lease)
          )
        })
      ),
    acquire: (name, holder, duration) => {
      const params = [PgTypes.text(name), PgTypes.text(holder), PgTypes.float8(milliseconds(duration))]
      const attempt: Effect.Effect<Lease, LeaseHeld | CheckpointStoreError> = Effect.gen(function* () {
        const [taken] = yield* run("acquire", statements.acquire, params)
        if (taken !== undefined) return { name, holder, token: Number(taken[0]), duration }
        const stored = yield* find("acquire", name)
        // It ran out or was given back between the two statements: then it can be had after all.
        if (!stored.isHeld || stored.holder === undefined) return yield* attempt
        return yield* new LeaseHeld({ name, holder: stored.holder })
      })
      const problem = textProblem(holder)
      return problem === undefined
        ? named("acquire", name, attempt)
        : Effect.fail(failed("acquire", new InvalidRequest({ problem: `the holder of a lease ${problem}` })))
    },
    renew: (lease) =>
      Effect.flatMap(
        run("renew", statements.renew, [...leaseParams(lease), PgTypes.float8(milliseconds(lease.duration))]),
        ({ length }) => (length > 0 ? Effect.void : lost(lease))
      ),
    release: (lease) => Effect.asVoid(run("release", statements.release, leaseParams(lease)))
  }
}

const leaseParams = ({ holder, name, token }: Lease) => [PgTypes.text(name), int8(token), PgTypes.text(holder)]

const lost = ({ holder, name, token }: Lease) => Effect.fail(new LeaseLost({ name, holder, token }))

const nameProblem = (name: string): string | undefined => {
  const problem = textProblem(name) ?? entryProblem(name)
  return problem === undefined ? undefined : `the name of a checkpoint ${problem}`
}
