// phase: one kind of trouble from the servers' start to the verdict, with a store of its own.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Effect from "effect/Effect"
import * as CheckpointStore from "evolvent/CheckpointStore"
import * as checkpointStore from "../src/internal/checkpointStore.ts"
import * as jetstreams from "../src/internal/jetstream.ts"
import { patiently } from "../src/internal/jetstream.ts"
import * as layouts from "../src/internal/layout.ts"
import * as NatsClient from "../src/NatsClient.ts"
import * as chaos from "./chaos.ts"
import * as forked from "./forked.ts"
import * as full from "./full.ts"
import * as groups from "./groups.ts"
import * as judgeBus from "./judgeBus.ts"
import * as judgeLeases from "./judgeLeases.ts"
import * as judgeReaders from "./judgeReaders.ts"
import * as judgeWriters from "./judgeWriters.ts"
import * as leases from "./leases.ts"
import * as proxies from "./proxy.ts"
import * as randoms from "./random.ts"
import { readers } from "./readers.ts"
import * as stored from "./stored.ts"
import * as tallies from "./tally.ts"

/** The kinds of trouble: one server, a cluster, the network, and everything else that is slow, full, doubled or stopped. */
export const kinds = ["server", "cluster", "network", "pressure"] as const
export type Kind = (typeof kinds)[number]

/** What a phase is to do. */
export interface Plan {
  readonly kind: Kind
  /** Of the servers. */
  readonly version: string | undefined
  readonly seed: string
  /** How long it writes. */
  readonly seconds: number
  readonly progress: (line: string) => void
}

/** What came of it. */
export interface Phase {
  readonly kind: Kind
  readonly version: string
  readonly seconds: number
  readonly tally: tallies.Tally
}

const prefix = "soak"

// How long nothing may move before readers count as stuck: the leases of a killed one last ten seconds.
const patience = 60_000

// A log that refuses as full takes its time to say so.
const enoughToFill = 14

const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-soak-nats-"))),
  (name) => Effect.sync(() => fs.rmSync(name, { recursive: true, force: true, maxRetries: 5 }))
)

/** Runs a phase. */
export const run = Effect.fnUntraced(function* ({ kind, progress, seconds, seed, version }: Plan) {
  const journals = yield* folder
  const random = randoms.make(`${seed} chaos`)
  const tally = tallies.make()
  const cluster = kind === "cluster" ? yield* NatsServer.cluster({ version }) : undefined
  const one = cluster?.servers[0] ?? (yield* NatsServer.make({ version }))
  const proxy = kind === "network" ? yield* proxies.make(one.port, random.between) : undefined
  const direct = cluster?.urls ?? [one.url]
  const replicas = cluster === undefined ? 1 : 3

  // What is there is taken as it is: under pressure servers know ids for a moment only.
  const layout = layouts.make({
    prefix,
    replicas,
    storage: "file",
    maxBytes: -1,
    duplicateWindow: kind === "pressure" ? 3000 : 120_000
  })
  const client = yield* NatsClient.make({ servers: direct })
  const jetstream = jetstreams.make(client)
  for (const config of [layout.events, layout.bus, layout.checkpoints]) yield* jetstream.ensure(config)
  if (cluster !== undefined) yield* cluster.ready

  const passed: Record<string, number> = {}
  const handled = new Map<string, number>()
  const all = new Set<forked.Forked>()
  const start = (task: forked.Task): forked.Forked => {
    const process = forked.start(task, {
      report: (report) => {
        if (report._tag !== "Passed") return
        Object.assign(passed, report.readers)
        for (const [key, n] of Object.entries(report.groups)) handled.set(key, Math.max(n, handled.get(key) ?? -1))
      },
      accident: (problem) => tally.broke("accidents", problem)
    })
    all.add(process)
    return process
  }
  yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all([...all].map((process) => process.kill()))))
  const task = {
    seed,
    servers: proxy === undefined ? direct : [proxy.url],
    prefix,
    replicas,
    folder: journals,
    pace: kind === "pressure" ? 2 : 12
  }
  const reading = readers.map((_, place) => start({ ...task, role: "reader", name: `reader ${place}.0`, place }))
  const writing = [0, 1].map((place) => start({ ...task, role: "writer", name: `${place}.0`, place }))
  let generation = 0
  const replace = ({ task: of }: forked.Forked) => {
    generation += 1
    return start({ ...of, name: `${of.name.split(".")[0]}.${generation}` })
  }
  yield* Effect.promise(() => Promise.all([...all].map(({ ready }) => ready)))

  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1000
  const say = (doing: string) => {
    const { cuts, leaderChanges, serverKills, stops, writerKills } = tally.is
    progress(
      `${kind} ${one.version}, ${elapsed().toFixed(0)} s ${doing}: passed ${passed["all"] ?? 0}, kills ${serverKills} servers ` +
        `${writerKills} writers, ${leaderChanges} leader changes, ${cuts} cuts, ${stops} stops`
    )
  }
  const prey: chaos.Prey = {
    writers: writing,
    readers: reading,
    replace,
    random,
    tally,
    isOver: () => elapsed() >= seconds || tally.is.accidents > 5
  }
  const steps = {
    server: () => chaos.server(prey, one),
    cluster: () =>
      cluster === undefined ? Effect.void : chaos.cluster(prey, cluster, [layout.events.name, layout.bus.name]),
    network: () => (proxy === undefined ? Effect.void : chaos.network(prey, proxy)),
    pressure: () => chaos.pressure(prey)
  }
  const beside = kind === "pressure" && seconds >= enoughToFill ? full.run(one.url, tally) : Effect.void
  const saying = Effect.forever(
    Effect.andThen(
      Effect.sleep(2000),
      Effect.sync(() => say("writing"))
    )
  )
  yield* Effect.raceFirst(Effect.all([steps[kind](), beside], { concurrency: "unbounded", discard: true }), saying)
  yield* Effect.promise(() =>
    Promise.all(
      writing.map(async (process) => {
        process.stop()
        await Promise.race([process.ended, new Promise((done) => setTimeout(done, 30_000))])
        await process.kill()
      })
    )
  )
  const written = elapsed()
  say("written")
  if (cluster !== undefined) yield* cluster.ready

  const files = (like: RegExp) =>
    fs
      .readdirSync(journals)
      .filter((name) => like.test(name))
      .map((name) => path.join(journals, name))
  const ofWriters = files(/^writer /)
  const log = yield* stored.log(client, jetstream, prefix)
  const known = yield* Effect.promise(() => judgeBus.published(ofWriters, tally))
  const ends = readers.flat().map((reader) => ({
    name: reader.name,
    end: judgeReaders.matching(reader, log).at(-1) ?? 0
  }))
  // What a process handled just before it was killed it told nobody but its journal.
  const ofGroups = files(/^groups /)
  yield* Effect.promise(async () => {
    for await (const { group, key, n } of judgeBus.handlings(ofGroups)) {
      handled.set(`${group} ${key}`, Math.max(n, handled.get(`${group} ${key}`) ?? -1))
    }
  })
  const behind = (): ReadonlyArray<string> => [
    ...ends.flatMap(({ end, name }) =>
      (passed[name] ?? 0) < end ? [`"${name}" stands at ${passed[name] ?? 0} and never came to ${end}`] : []
    ),
    ...[...known].flatMap(([key, { acknowledged }]) =>
      groups.groups.flatMap((group) =>
        (handled.get(`${group} ${key}`) ?? -1) + 1 < acknowledged
          ? [`group "${group}" never came to message ${acknowledged - 1} of "${key}"`]
          : []
      )
    )
  ]
  let [before, since] = [-1, performance.now()]
  const progressOf = () => {
    let sum = 0
    for (const position of Object.values(passed)) sum += position
    for (const n of handled.values()) sum += n
    return sum
  }
  while (behind().length > 0 && performance.now() - since < patience) {
    const now = progressOf()
    if (now !== before) [before, since] = [now, performance.now()]
    say(`${behind().length} behind`)
    yield* Effect.sleep(500)
  }
  for (const problem of behind()) tally.broke("stalled", problem)
  // Their last lines are written; then they are gone.
  yield* Effect.promise(() => Promise.all([...all].map((process) => process.kill())))
  say("read")

  // Under pressure and with leases that are stopped nothing else moves these.
  const checkpoints = CheckpointStore.make(checkpointStore.make(jetstream, layout))
  const positions: Record<string, number> = {}
  for (const name of leases.names)
    positions[name] = (yield* Effect.retry(checkpoints.load(name), { times: 5 })).position
  const messages = yield* patiently(stored.bus(client, jetstream, prefix))
  judgeWriters.checkLog(log, tally)
  judgeBus.checkBus(messages, known, kind !== "pressure", tally)
  yield* Effect.promise(async () => {
    await judgeWriters.judge(ofWriters, log, tally)
    await judgeReaders.judge(journals, log, tally)
    await judgeBus.judge(ofGroups, known, tally)
    await judgeLeases.judge(files(/^leases /), positions, tally)
  })
  return { kind, version: one.version, seconds: written, tally } satisfies Phase
}, Effect.scoped)
