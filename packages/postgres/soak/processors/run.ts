// run: the soak of processors, from the first server to the verdict.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../../src/Postgres.ts"
import * as forked from "../forked.ts"
import * as randoms from "../random.ts"
import * as chaos from "./chaos.ts"
import { judge } from "./judge.ts"
import type { Report } from "./report.ts"
import * as tables from "./tables.ts"
import type { Order, Task } from "./worker.ts"
import * as writers from "./writers.ts"

/** How it is run. */
export interface Settings {
  readonly seed: string
  /** How long it writes and disturbs. */
  readonly seconds: number
  readonly binaries?: string | undefined
  /** Takes a line of progress now and then. */
  readonly progress?: (line: string) => void
}

const file = new URL("worker.ts", import.meta.url)
const processes = 4
const lease = 2000

// How many seconds may pass in which nobody comes further, once nobody disturbs any more.
const patience = 60

const shownFindings = 20

/** Runs it. */
export const run = Effect.fnUntraced(function* ({ binaries, progress = () => undefined, seconds, seed }: Settings) {
  const server = yield* EmbeddedPostgres.start({ binaries, settings: { max_connections: 150 } })
  const stores = Postgres.layerFrom().pipe(
    Layer.provideMerge(PgClient.layer({ ...server.connection, applicationName: "judge", maxConnections: 8 }))
  )
  const services = yield* Layer.build(stores)
  const sql = Context.get(services, PgClient.PgClient)
  yield* tables.create(sql)

  const findings: Array<string> = []
  const accidents: Array<string> = []
  const tell = (problem: string) => void (findings.length < shownFindings && findings.push(problem))
  const cuts: Array<chaos.Cut> = []
  const troubles: writers.Troubles = { appended: 0, mended: 0, parked: 0 }
  const all: Array<chaos.Worker> = []
  const { database, host, port, username } = server
  const start = (partitions: number): chaos.Worker => {
    const name = `p${all.length}`
    const connection = { host, port, database, username }
    const task: Task = { name, seed, connection, partitions, lease, mended: troubles.mended }
    const process = forked.start<Task, Order, forked.Common>(file, task, {
      report: (report) => {
        if (report._tag === "Failed") accidents.push(`${name}: ${report.problem}`)
        if (report._tag === "Stalled") cuts.push({ process: name, kind: "stall", from: report.from, to: report.to })
      },
      accident: (problem) => accidents.push(problem)
    })
    const worker = { task, forked: process, stoppedAt: undefined }
    all.push(worker)
    return worker
  }
  yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(all.map(({ forked }) => forked.kill()))))
  const workers = Array.from({ length: processes }, () => start(4))
  yield* Effect.promise(() => Promise.all(workers.map(({ forked }) => forked.ready)))

  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  // What cannot work need not be looked at for long.
  const isOver = () => elapsed() >= seconds || accidents.length > 10
  const done: chaos.Done = { kills: 0, stops: 0, partitionChanges: 0 }
  const count = { events: 0 }
  const say = (doing: string) =>
    progress(
      `${elapsed().toFixed(0)} s ${doing}: events ${count.events}, kills ${done.kills}, stops ${done.stops}, ` +
        `partition changes ${done.partitionChanges}, troubles ${troubles.appended}`
    )
  const saying = yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.suspend(() => Effect.sync(() => say("writing"))),
        Effect.sleep(2000)
      )
    )
  )
  const mend = (mended: number) => workers.forEach(({ forked }) => forked.tell({ mended }))
  const prey: chaos.Prey = { workers, start, cut: (cut) => cuts.push(cut), done, lease }
  yield* Effect.all(
    [
      writers.run(randoms.make(`${seed} writers`), count, isOver),
      writers.trouble(randoms.make(`${seed} troubles`), count, troubles, mend, isOver),
      chaos.run(prey, randoms.make(`${seed} chaos`), isOver)
    ],
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.provideContext(services))
  const writing = elapsed()
  yield* Fiber.interrupt(saying)

  for (const worker of workers) chaos.wake(prey, worker)
  mend(troubles.appended)
  const settle = Effect.gen(function* () {
    const head = yield* EventStore.use((store) => store.head)
    let [before, since] = ["", elapsed()]
    while (true) {
      const parked = yield* writers.again(troubles)
      const behind = []
      let now = `${parked}`
      for (const target of writers.parkingTargets) {
        const status = yield* Processor.status(target)
        now = `${now} ${status.position}`
        if (status.position < head) behind.push(`the ${target.name} stands at ${status.position} of ${head}`)
        if (status.stopped !== undefined) behind.push(`the ${target.name} stopped: ${status.stopped.problem}`)
      }
      say(`settling, ${behind.length} behind, ${parked} parked`)
      if (parked === 0 && behind.length === 0) return { parked, behind }
      if (now !== before) since = elapsed()
      before = now
      if (accidents.length > 0 || elapsed() > since + patience) return { parked, behind }
      yield* Effect.sleep(500)
    }
  })
  const { behind, parked } = yield* Effect.provideContext(settle, services)
  behind.forEach(tell)
  const settleSeconds = elapsed() - writing
  yield* Effect.promise(() => Promise.all(all.map(({ forked }) => forked.kill())))
  say("judging")
  const verdict = yield* Effect.provideContext(judge(sql, cuts, tell), services)
  accidents.forEach(tell)
  const stops = cuts.filter(({ kind }) => kind === "stop")
  const stalls = cuts.filter(
    ({ from, kind, process, to }) =>
      kind === "stall" && !stops.some((stop) => stop.process === process && stop.from < to && from < stop.to)
  )
  return {
    ...verdict,
    ...done,
    seed,
    server: server.version,
    seconds: writing,
    processes: all.length,
    troubles,
    leftParked: parked,
    unsettled: behind.length,
    settleSeconds,
    stalls: stalls.length,
    accidents: accidents.length,
    findings
  } satisfies Report
}, Effect.scoped)
