// run: a relay from PostgreSQL over NATS to shipping, from the first server to the verdict.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Nats from "@evolvent/nats/Nats"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Bus } from "evolvent/Bus"
import * as chaos from "./chaos.ts"
import { lines } from "./journal.ts"
import { judge } from "./judge.ts"
import { eventOf, groups, Order, packed, schema } from "./orders.ts"
import * as processes from "./processes.ts"
import type { Report } from "./report.ts"
import type { Task } from "./worker.ts"
import * as writers from "./writers.ts"

/** How a soak is run. */
export interface Settings {
  readonly seed: string
  /** How many events are written and relayed. */
  readonly events: number
  /** The version of nats-server; the newest that is there unless given. */
  readonly version?: string | undefined
  /** Takes a line of progress now and then. */
  readonly progress?: (line: string) => void
}

// How long nothing may move before the other side counts as stuck: leases of a killed process last ten seconds.
const patience = 60_000

const shownFindings = 20

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-soak-relay-"))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true, force: true, maxRetries: 5 }))
)

/** Chances that are the same again for the same seed: splitmix32 over the characters of it. */
const chances = (seed: string): (() => number) => {
  let state = [...seed].reduce((sum, character) => Math.imul(sum, 31) + (character.codePointAt(0) ?? 0), 7)
  return () => {
    state = (state + 0x9e3779b9) | 0
    let t = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    t = Math.imul(t ^ (t >>> 15), 0x735a2d97)
    return ((t ^ (t >>> 15)) >>> 0) / 0x1_0000_0000
  }
}

/** Runs a soak. */
export const run = Effect.fnUntraced(
  function* ({ events, progress = () => undefined, seed, version }: Settings) {
    const journals = yield* folder
    const postgres = yield* EmbeddedPostgres.start({ settings: { max_connections: 150 } })
    const nats = yield* NatsServer.make({ version })
    const client = PgClient.layer({ ...postgres.connection, applicationName: "soak judge", maxConnections: 12 })
    const services = yield* Layer.build(Layer.provideMerge(Postgres.layerFrom(), client))
    const sql = Context.get(services, PgClient.PgClient)
    const bus = Context.get(yield* Layer.build(Nats.layerBus({ servers: nats.url })), Bus)
    yield* sql.unsafe(schema)

    const findings: Array<string> = []
    const accidents: Array<string> = []
    const tell = (problem: string) => {
      if (findings.length < shownFindings) findings.push(problem)
    }
    const handled = new Map<string, number>()
    let total = 0
    const note = (key: string, revision: number): void => {
      const before = handled.get(key) ?? -1
      if (revision <= before) return
      total += revision - before
      handled.set(key, revision)
    }
    const all = new Set<processes.Worker>()
    const start = (task: Task): processes.Worker => {
      const worker = processes.start(
        task,
        (report) => {
          if (report._tag !== "Handled") return
          for (const [key, revision] of Object.entries(report.handled)) note(key, revision)
        },
        (problem) => accidents.push(problem)
      )
      all.add(worker)
      return worker
    }
    yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all([...all].map((worker) => worker.kill()))))
    const { database, host, port, username } = postgres
    const task = { connection: { host, port, database, username }, nats: nats.url, folder: journals }
    const workers = (["relay", "relay", "shipping", "shipping"] as const).map((role, i) =>
      start({ ...task, role, name: `${role}-${i}.0` })
    )
    let generation = 0
    const replace = ({ task: of }: processes.Worker) => {
      generation += 1
      return start({ ...of, name: `${of.name.split(".")[0]}.${generation}` })
    }
    yield* Effect.promise(() => Promise.all([...all].map(({ ready }) => ready)))

    const orders = Math.min(5000, Math.max(100, Math.floor(events / 20)))
    const writing: writers.Writing = { seed, events, orders, written: 0 }
    const kills: chaos.Kills = { postgres: 0, nats: 0, relays: 0, shipping: 0 }
    const ends = Array.from({ length: orders }, (_, order) => {
      const length = Math.floor(events / orders) + (order < events % orders ? 1 : 0)
      const last = Array.from({ length }, (_, i) => length - 1 - i).find((i) => eventOf(order, i).type === packed)
      return { stream: `${Order.name}-${order}`, end: length - 1, last: last ?? -1 }
    })
    const behind = () =>
      ends.filter(
        ({ end, last, stream }) =>
          (handled.get(`${groups.audit} ${stream}`) ?? -1) < end ||
          (handled.get(`${groups.shipping} ${stream}`) ?? -1) < last
      ).length

    const began = performance.now()
    const elapsed = () => (performance.now() - began) / 1000
    const say = (doing: string) =>
      progress(
        `${elapsed().toFixed(0)} s ${doing}: ${writing.written} of ${events} written, ${total} handled, ${behind()} of ${orders} orders behind, ` +
          `kills ${kills.postgres} PostgreSQL, ${kills.nats} NATS, ${kills.relays} relays, ${kills.shipping} shipping`
      )
    let isWriting = true
    let written: number | undefined
    let moved = { at: performance.now(), total: -1 }
    let isStuck = false
    const isOver = () => {
      if (moved.total !== total || written === undefined) moved = { at: performance.now(), total }
      isStuck ||= accidents.length > 5 || performance.now() - moved.at > patience
      return isStuck || (written !== undefined && behind() === 0)
    }
    const prey = { postgres, nats, workers, replace, kills, random: chances(seed), isOver, isWriting: () => isWriting }
    const filesOf = (group: string) =>
      fs
        .readdirSync(journals)
        .filter((name) => name.startsWith(`${group} `))
        .map((name) => path.join(journals, name))
    const write = Effect.gen(function* () {
      yield* Effect.provideContext(writers.run(writing), services)
      const at = elapsed()
      isWriting = false
      // Nobody kills shipping any more. What a process handled just before it was killed it told nobody but its journal.
      yield* Effect.sleep(1000)
      yield* Effect.promise(async () => {
        for (const group of Object.values(groups)) {
          for (const file of filesOf(group)) {
            for await (const { revision, stream } of lines(file)) note(`${group} ${stream}`, revision)
          }
        }
      })
      written = at
    })
    const saying = Effect.forever(
      Effect.andThen(
        Effect.sleep(2000),
        Effect.sync(() => say("relaying"))
      )
    )
    yield* Effect.raceFirst(Effect.all([write, chaos.run(prey)], { concurrency: "unbounded", discard: true }), saying)
    const seconds = elapsed()
    if (isStuck) tell(`${behind()} of ${orders} orders never came to their end on the other side`)
    say("judging")

    const parked = yield* Effect.forEach(Object.values(groups), (group) => bus.parked(group))
    yield* Effect.promise(() => Promise.all([...all].map((worker) => worker.kill())))
    const verdict = yield* judge(sql, writing.written, filesOf(groups.audit), parked.flat().length, tell)
    accidents.forEach(tell)
    return {
      ...verdict,
      seed,
      servers: { postgres: postgres.version, nats: nats.version },
      asked: events,
      orders,
      seconds,
      writeSeconds: written ?? seconds,
      kills,
      stuck: isStuck ? 1 : 0,
      accidents: accidents.length,
      findings
    } satisfies Report
  },
  Effect.scoped,
  Effect.provide(Logger.layer([]))
)
