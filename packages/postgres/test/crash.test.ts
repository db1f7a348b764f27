// Crashes: the server, the client and the processor are killed at random points during 10 000 appends, and nothing is lost.
import { fork, type ChildProcess } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import * as StreamName from "evolvent/StreamName"
import * as Postgres from "../src/Postgres.ts"
import { idOf, streamOf, Totals } from "./support/crashDomain.ts"
import type { Task } from "./support/crashProcess.ts"

const appends = 10_000
const killsOfEach = 3

const file = new URL("support/crashProcess.ts", import.meta.url)

/** A process that is started again after every kill. */
const lasting = (task: Task) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const start = () => fork(file, [JSON.stringify(task)], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
      const ended = (child: ChildProcess) =>
        new Promise<number | null>((done) => {
          if (child.exitCode !== null || child.signalCode !== null) done(child.exitCode)
          else child.once("exit", done)
        })
      let child = start()
      const kill = Effect.promise(() => {
        child.kill("SIGKILL")
        return ended(child)
      })
      return {
        kill,
        killAndStart: Effect.map(kill, () => {
          child = start()
        }),
        ended: Effect.promise(() => ended(child))
      }
    }),
    ({ kill }) => kill
  )

const journalOf = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-crash-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
).pipe(
  Effect.map((folder) => {
    const journal = path.join(folder, "acknowledged")
    fs.writeFileSync(journal, "")
    return journal
  })
)

/** The acknowledged appends as they were written down, by number; the first answer and every later one. */
const acknowledgements = (journal: string) =>
  fs
    .readFileSync(journal, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split(" ").map(Number) as [n: number, revision: number, position: number])

// At random points of the way, so that a fast machine is killed as often as a slow one.
const killPoints = (count: number): Array<number> =>
  Array.from({ length: count }, () => 200 + Math.floor(Math.random() * (appends - 600))).sort((a, b) => a - b)

describe("crashes", () => {
  it.live(
    "every acknowledged event is there once, and the read model is the fold, after kill -9 of server, client and processor",
    () =>
      Effect.gen(function* () {
        const server = yield* EmbeddedPostgres.start({ settings: { max_connections: 100 } })
        const { database, host, port, username } = server
        const connection = { host, port, database, username }
        const stores = Postgres.layerFrom().pipe(
          Layer.provideMerge(PgClient.layer({ ...server.connection, maxConnections: 6 }))
        )
        const journal = yield* journalOf
        const task = { connection, journal, appends }
        const client = yield* lasting({ ...task, role: "client" })
        const projection = yield* lasting({ ...task, role: "projection" })

        const kill = {
          server: Effect.andThen(server.kill, server.restart()),
          client: client.killAndStart,
          projection: projection.killAndStart
        }
        const points = (["server", "client", "projection"] as const)
          .flatMap((what) => killPoints(killsOfEach).map((at) => ({ at, what })))
          .sort((a, b) => a.at - b.at)
        const kills = { server: 0, client: 0, projection: 0 }
        for (const { at, what } of points) {
          while (acknowledgements(journal).length < at) yield* Effect.sleep(5)
          yield* kill[what]
          kills[what] += 1
        }
        assert.deepStrictEqual(kills, { server: killsOfEach, client: killsOfEach, projection: killsOfEach })
        assert.strictEqual(yield* client.ended, 0)

        yield* Effect.gen(function* () {
          const store = yield* EventStore
          const events = yield* Stream.runCollect(store.read(EventFilter.all()))
          // Every one of them, once.
          assert.strictEqual(events.length, appends)
          const stored = new Map(events.map((event) => [String(event.id), event]))
          assert.strictEqual(stored.size, appends)
          // Where the client was told, every time it was told.
          for (const [n, revision, position] of acknowledgements(journal)) {
            const { position: at, revision: is, stream } = stored.get(idOf(n)) ?? {}
            assert.deepStrictEqual([n, stream, is, at], [n, streamOf(n), revision, position])
          }
          const heads = new Map<string, number>()
          for (const { revision, stream } of events) {
            assert.strictEqual(revision, (heads.get(stream) ?? -1) + 1)
            heads.set(stream, revision)
          }

          const head = events.at(-1)?.position ?? Position.beginning
          yield* Processor.waitFor(Totals, head, { timeout: "20 seconds" })
          const rows = yield* Projection.fold(Totals, events)
          assert.strictEqual(rows.size, heads.size)
          for (const [key, row] of rows) {
            assert.deepStrictEqual([key, yield* ReadModel.get(Totals, key)], [key, row])
          }
          assert.strictEqual(heads.get(StreamName.make("Counter", "0")), appends / heads.size - 1)
        }).pipe(Effect.provide(stores))
      }),
    90_000
  )
})
