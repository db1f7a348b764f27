// restoring: a store with a past, and what must hold for it wherever it was brought back.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert } from "@effect/vitest"
import type { Server } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as StreamName from "evolvent/StreamName"
import * as Postgres from "../../src/Postgres.ts"

/** The services on a server. */
export const on = ({ connection }: Pick<Server, "connection">) =>
  Postgres.layerFrom().pipe(Layer.provideMerge(PgClient.layer({ ...connection, maxConnections: 6 })))

/** A folder that goes with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-restore-"))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true, force: true, maxRetries: 5 }))
)

/** Copies the data of a server that does not run, as a backup of its folder does. */
export const copyData = (from: string, to: string): void => {
  for (const name of ["pgdata", "password"]) {
    fs.cpSync(path.join(from, name), path.join(to, name), { recursive: true })
  }
  // PostgreSQL refuses a folder that others may enter.
  fs.chmodSync(path.join(to, "pgdata"), 0o700)
}

const idOf = (n: number): EventId.EventId => EventId.derive("restore", String(n), 0)

/** Appends the events with these numbers, over some streams. */
export const append = Effect.fnUntraced(function* (from: number, to: number) {
  const store = yield* EventStore
  yield* Effect.forEach(
    Array.from({ length: to - from }, (_, i) => from + i),
    (n) => store.append(StreamName.make("Restored", String(n % 7)), [{ id: idOf(n), type: "Counted", data: { n } }]),
    { concurrency: 16, discard: true }
  )
})

/** Follows the log after a position until so many events came; their ids, and how far it is. */
export const follow = Effect.fnUntraced(function* (after: Position.Position, count: number) {
  const store = yield* EventStore
  const ids: Array<string> = []
  let through = after
  yield* store.subscribe(EventFilter.all(), { after }).pipe(
    Stream.takeUntil((page) => {
      ids.push(...page.events.map(({ id }) => id))
      through = page.through
      return ids.length >= count
    }),
    Stream.runDrain,
    // Who misses something would wait for ever.
    Effect.timeoutOption("15 seconds")
  )
  return { ids, through }
})

const half = 200

/** What is known of the store as it was before. */
export interface Past {
  /** What the reader had been given. */
  readonly given: ReadonlyArray<string>
  /** The last event. */
  readonly head: Position.Position
}

/**
 * Gives a store a past: a reader came half-way and wrote down where it was, then there was more, and positions were drawn
 * that nobody will ever see.
 */
export const live = Effect.gen(function* () {
  const checkpoints = yield* CheckpointStore
  const sql = yield* PgClient.PgClient
  yield* append(0, half)
  const { ids: given, through } = yield* follow(Position.beginning, half)
  yield* checkpoints.transact({ name: "reader", from: Position.beginning, to: through }, Effect.void)
  yield* append(half, 2 * half)
  const store = yield* EventStore
  const head = yield* store.head
  const wasted = Effect.andThen(append(9000, 9040), Effect.fail("undone" as const))
  yield* Effect.flip(sql.withTransaction(wasted))
  return { given, head } satisfies Past
})

/** Whatever brought it back: the reader goes on where it was and misses nothing, and new events stand above the old. */
export const goesOn = Effect.fnUntraced(function* ({ given, head }: Past) {
  const store = yield* EventStore
  const checkpoints = yield* CheckpointStore
  assert.strictEqual(yield* store.head, head)
  const { position } = yield* checkpoints.load("reader")
  const reading = yield* Effect.forkChild(follow(position, 2 * half), { startImmediately: true })
  yield* append(2 * half, 3 * half)
  const { ids } = yield* Fiber.join(reading)
  assert.deepStrictEqual([...given, ...ids].sort(), Array.from({ length: 3 * half }, (_, n) => String(idOf(n))).sort())
  const events = yield* Stream.runCollect(store.read(EventFilter.all()))
  assert.deepStrictEqual(
    [...given, ...ids],
    events.map(({ id }) => String(id))
  )
  const newest = new Set(Array.from({ length: half }, (_, n) => String(idOf(2 * half + n))))
  for (const { id, position } of events) assert.strictEqual(position > head, newest.has(id))
  // Ids are known for ever.
  const again = yield* store.append(StreamName.make("Restored", "3"), [
    { id: idOf(3), type: "Counted", data: { n: 3 } }
  ])
  assert.isTrue(again.repeated)
})
