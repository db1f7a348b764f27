// run: a soak from the first server to the verdict.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { storeKey } from "../src/internal/sql/functions/floor.ts"
import * as Postgres from "../src/Postgres.ts"
import * as chaos from "./chaos.ts"
import type { Task } from "./child.ts"
import * as children from "./children.ts"
import * as judgeReaders from "./judgeReaders.ts"
import * as judgeWriters from "./judgeWriters.ts"
import * as randoms from "./random.ts"
import { readers } from "./readers.ts"
import type { Report } from "./report.ts"
import * as stored from "./stored.ts"
import * as strangers from "./strangers.ts"
import * as watches from "./watch.ts"
import { stores } from "./workload.ts"

/** How a soak is run. */
export interface Settings {
  readonly seed: string
  /** How long it writes. */
  readonly seconds: number
  readonly binaries?: string | undefined
  /** Takes a line of progress now and then. */
  readonly progress?: (line: string) => void
}

/** Writing processes: how many writers each has, through the layer and by hand. */
const processes = [
  { role: "layer", count: 12 },
  { role: "layer", count: 12 },
  { role: "raw", count: 10 }
] as const

// How long readers may take to come to the end once nobody writes any more.
const patience = 60_000

const shownFindings = 20

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-soak-"))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true, force: true, maxRetries: 5 }))
)

/** Runs a soak. */
export const run = Effect.fnUntraced(function* ({ binaries, progress = () => undefined, seconds, seed }: Settings) {
  const journals = yield* folder
  const random = randoms.make(`${seed} chaos`)
  const server = yield* EmbeddedPostgres.start({
    binaries,
    // The writer of the log would flush what a crash is to forget.
    settings: { max_connections: 150, wal_writer_delay: "10s" }
  })
  const sql = Context.get(
    yield* Layer.build(PgClient.layer({ ...server.connection, applicationName: "judge", maxConnections: 4 })),
    PgClient.PgClient
  )
  yield* sql.unsafe(`CREATE DATABASE ${strangers.otherDatabase}`)
  for (const schema of stores) yield* Effect.provideService(Postgres.migrate({ schema }), PgClient.PgClient, sql)
  const sequences = yield* Effect.forEach(stores, (schema) =>
    Effect.map(sql.unsafe<{ readonly oid: number }>(`SELECT ${storeKey(schema)}::int AS oid`), ([row]) =>
      Number(row?.oid)
    )
  )
  yield* strangers.run(server.connection, sequences)

  const findings: Array<string> = []
  const accidents: Array<string> = []
  const tell = (problem: string) => {
    if (findings.length < shownFindings) findings.push(problem)
  }
  const files: Array<string> = []
  const passed: Record<string, number> = {}
  const all = new Set<children.Child>()
  const start = (task: Task): children.Child => {
    if (task.role !== "reader") files.push(path.join(journals, `writer ${task.name}.ndjson`))
    const child = children.start(task, {
      report: (report) => {
        if (report._tag === "Passed") Object.assign(passed, report.passed)
      },
      accident: (problem) => accidents.push(problem)
    })
    all.add(child)
    return child
  }
  yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all([...all].map((child) => child.kill()))))
  const { database, host, port, username } = server
  const task = { seed, connection: { host, port, database, username }, folder: journals }
  const reading = readers.map((_, i) => start({ ...task, role: "reader", name: `readers ${i}`, count: i }))
  const writers = processes.map(({ count, role }, i) => start({ ...task, role, name: `${i}.0`, count }))

  const watch = watches.make(sql)
  const watching = yield* Effect.forkScoped(watch.run)
  const kills: chaos.Kills = { backends: 0, processes: 0, servers: 0, redrawn: 0 }
  let generation = 0
  const replace = ({ task }: children.Child) => {
    generation += 1
    return start({ ...task, name: `${task.name.split(".")[0]}.${generation}` })
  }
  yield* Effect.promise(() => Promise.all([...all].map(({ ready }) => ready)))
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  const say = (doing: string) =>
    progress(
      `${elapsed().toFixed(0)} s ${doing}: head ${watch.samples.one.at(-1)?.position ?? 0}, kills ${kills.backends} backends, ` +
        `${kills.processes} processes, ${kills.servers} servers`
    )
  const saying = yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.sync(() => say("writing")),
        Effect.sleep(2000)
      )
    )
  )
  // What chaos is at when the time is up is finished: a server that was stopped comes back.
  yield* chaos.run({ server, sql, watch, writers, replace }, random, kills, () => elapsed() >= seconds)
  yield* Effect.promise(() =>
    Promise.all(
      writers.map(async (child) => {
        await child.quiet("stop", 30_000)
        await Promise.race([child.ended, new Promise((done) => setTimeout(done, 5000))])
        await child.kill()
      })
    )
  )
  const writing = elapsed()
  yield* Fiber.interrupt(saying)
  say("written")

  const again = Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(50)])
  const logs = {
    one: yield* Effect.retry(stored.read(sql, "one"), again),
    two: yield* Effect.retry(stored.read(sql, "two"), again)
  }
  // The strangers' transactions are still open: they must not keep anybody from the end.
  let left = 50
  while (left > 0 && !(yield* strangers.areThere(sql))) {
    left -= 1
    yield* Effect.sleep(100)
  }
  if (left === 0) accidents.push("the transactions of strangers were not open at the end")
  const ends = readers.flat().map((reader) => ({
    name: reader.name,
    end: judgeReaders.matching(reader, logs[reader.store]).at(-1) ?? 0
  }))
  const behind = () => ends.filter(({ end, name }) => (passed[name] ?? 0) < end)
  const waited = performance.now()
  while (behind().length > 0 && performance.now() - waited < patience) yield* Effect.sleep(100)
  const late = behind()
  for (const { end, name } of late) tell(`"${name}" stands at ${passed[name] ?? 0} and never came to ${end}`)
  yield* Fiber.interrupt(watching)
  yield* Effect.promise(() => Promise.all(reading.map((child) => child.kill())))
  say("read")

  const faults = stores.map((store) => stored.check(logs[store], tell))
  const sum = (name: keyof stored.Faults) => faults.reduce((total, one) => total + one[name], 0)
  const writersVerdict = yield* Effect.promise(() => judgeWriters.judge(files, logs, tell))
  const readersVerdict = yield* Effect.promise(() => judgeReaders.judge(journals, logs, watch, tell))
  accidents.forEach(tell)
  return {
    seed,
    server: server.version,
    seconds: writing,
    writes: logs.one.events.length + logs.two.events.length,
    readers: readers.flat().length,
    kills,
    ...writersVerdict,
    ...readersVerdict,
    inverted: readersVerdict.inverted + sum("inverted"),
    holes: sum("holes"),
    duplicates: sum("duplicates"),
    spoiled: sum("spoiled"),
    stalled: late.length,
    accidents: accidents.length,
    findings
  } satisfies Report
}, Effect.scoped)
