// run: the soak of a rebuild, from an empty server to the verdict.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as Postgres from "../../src/Postgres.ts"
import * as forked from "../forked.ts"
import * as randoms from "../random.ts"
import { counts, countersFor, marks } from "./domain.ts"
import * as reader from "./reader.ts"
import type { Report } from "./report.ts"
import * as store from "./store.ts"
import type * as workers from "./worker.ts"

/** How it is run. */
export interface Settings {
  readonly seed: string
  readonly events: number
  /** How many seconds the writers' rate is measured before the rebuild; 10 unless given. */
  readonly before?: number
  /** So many milliseconds each batch takes longer until the rebuild is killed; 0 unless given. */
  readonly slow?: number
  readonly binaries?: string | undefined
  /** Takes a line of progress now and then. */
  readonly progress?: (line: string) => void
}

const file = new URL("worker.ts", import.meta.url)
const shownFindings = 20
const patience = 300_000
// Where the rebuild is killed: this part of all.
const middle = 0.4
// So many positions before the head it has caught up, but for what is just being written.
const near = 500

/** Runs it. */
export const run = Effect.fnUntraced(function* (settings: Settings) {
  const { before = 10, binaries, events, progress = () => undefined, seed, slow = 0 } = settings
  const server = yield* EmbeddedPostgres.start({ binaries, settings: { max_wal_size: "4GB" } })
  const services = yield* Layer.build(
    Layer.provideMerge(
      Postgres.layerFrom(),
      PgClient.layer({ ...server.connection, applicationName: "judge", maxConnections: 8 })
    )
  )
  const findings: Array<string> = []
  const accidents: Array<string> = []
  const tell = (problem: string) => void (findings.length < shownFindings && findings.push(problem))
  const counters = countersFor(events)
  const since = (at: number) => (performance.now() - at) / 1000

  let kills = 0
  const children: Array<forked.Forked<workers.Order>> = []
  const { database, host, port, username } = server
  const start = (role: workers.Task["role"], hear: (report: workers.Report) => void) => {
    const name = `${role} ${children.length}`
    const connection = { host, port, database, username }
    const task = { name, role, seed, connection, counters, slow: kills === 0 ? slow : 0 }
    const child = forked.start<workers.Task, workers.Order, workers.Report>(file, task, {
      report: (report) => {
        if (report._tag === "Failed") accidents.push(`${name}: ${report.problem}`)
        else if (report._tag !== "Ready" && report._tag !== "Stalled") hear(report)
      },
      accident: (problem) => accidents.push(problem)
    })
    children.push(child)
    return child
  }
  yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(children.map((child) => child.kill()))))

  /** Waits for something that processes bring about; false where they died or took too long. */
  const until = (isSo: () => boolean) =>
    Effect.gen(function* () {
      const began = performance.now()
      while (!isSo()) {
        if (accidents.length > 0 || performance.now() - began > patience) return false
        yield* Effect.sleep(20)
      }
      return true
    })
  /** Waits until the processor has come to the head. */
  const caughtUp = Effect.gen(function* () {
    const head = yield* EventStore.use((store) => store.head)
    const began = performance.now()
    while (accidents.length === 0 && performance.now() - began < patience) {
      const { position, stopped } = yield* Processor.status(counts(marks.old))
      progress(`the read model is at ${position} of ${head}`)
      if (position >= head) return true
      if (stopped !== undefined) break
      yield* Effect.sleep(500)
    }
    return false
  }).pipe(Effect.provideContext(services))
  let unsettled = 0
  const expect = (isSo: boolean, what: string) => {
    if (isSo) return
    unsettled += 1
    tell(what)
  }

  const storing = performance.now()
  const say = (stored: number) => progress(`stored ${stored} of ${events} events`)
  yield* Effect.provideContext(store.fill(events, counters, randoms.make(`${seed} events`), say), services)
  const storeSeconds = since(storing)
  const keeping = performance.now()
  start("keeper", () => undefined)
  expect(yield* caughtUp, "the read model never came to the head before the rebuild")
  const keepSeconds = since(keeping)

  let seen = reader.nothing()
  let written: Extract<workers.Report, { readonly _tag: "Written" }> | undefined
  const reading = start("reader", (report) => {
    if (report._tag === "Seen") seen = report.seen
  })
  const writing = start("writer", (report) => {
    if (report._tag === "Written") written = report
  })
  yield* until(() => seen.reads > 0 && (written?.events ?? 0) > 0)
  const writes = () => ({ events: written?.events ?? 0, at: performance.now() })
  const rate = (from: ReturnType<typeof writes>, to: ReturnType<typeof writes>) =>
    ((to.events - from.events) * 1000) / (to.at - from.at)
  progress(`writing for ${before} s before the rebuild`)
  const first = writes()
  yield* Effect.sleep(before * 1000)
  const second = writes()

  let [last, reported, oddProgress, memory, finalRate] = [-1, 0, 0, 0, 0]
  let [isRebuilt, hasMiddle, began] = [false, false, -1]
  let [furtherAt, nearAt] = [Infinity, Infinity]
  const rebuilding = () => {
    began = -1
    return start("rebuilder", (report) => {
      if (report._tag === "Rebuilt") {
        isRebuilt = true
        memory = report.memory
      }
      if (report._tag !== "Progress") return
      const { done, phase, rate, total } = report.progress
      if (began < 0) began = done
      else if (done < last || done > total) oddProgress += 1
      if (kills > 0 && done > began) furtherAt = Math.min(furtherAt, performance.now())
      if (kills > 0 && total - done <= near) nearAt = Math.min(nearAt, performance.now())
      last = done
      if (!hasMiddle) reported = done
      if (phase === "building") finalRate = rate
      if (phase === "building" && done >= middle * total && done < total) hasMiddle = true
      progress(`${phase}: ${done} of ${total}, ${Math.round(rate)}/s, ${written?.events} written, ${seen.reads} reads`)
    })
  }
  const rebuildBegan = performance.now()
  const victim = rebuilding()
  expect(yield* until(() => hasMiddle || isRebuilt), "the rebuild never came to its middle")
  let interruptedSeconds = 0
  if (!isRebuilt) {
    yield* Effect.promise(victim.kill)
    kills += 1
    reported = Math.max(last, 0)
    const killed = performance.now()
    rebuilding()
    expect(yield* until(() => isRebuilt), "the rebuild never came to its end")
    interruptedSeconds = (furtherAt - killed) / 1000
  }
  const rebuildSeconds = since(rebuildBegan)
  const switchSeconds = Math.max(0, since(nearAt))
  const third = writes()
  yield* Effect.sleep(1500)
  writing.tell("stop")
  yield* until(() => written?.isOver === true)
  expect(yield* caughtUp, "the read model never came to the head after the rebuild")
  const soFar = seen.reads
  yield* until(() => seen.reads > soFar)
  yield* Effect.promise(() => Promise.all([reading.kill(), writing.kill()]))
  progress("judging")
  const rowsWrong = yield* Effect.provideContext(store.compare(tell), services)
  if (seen.problem !== "") tell(`a reader met ${seen.problem}`)
  accidents.forEach(tell)
  const { problem: _, ...readers } = seen
  return {
    ...readers,
    seed,
    server: server.version,
    stored: events,
    written: written?.events ?? 0,
    counters,
    storeSeconds,
    keepSeconds,
    rebuildSeconds,
    interruptedSeconds,
    switchSeconds,
    rate: finalRate,
    memory,
    kills,
    killedAt: reported,
    resumedAt: Math.max(0, began),
    writesBefore: rate(first, second),
    writesDuring: rate(second, third),
    slowestWrite: written?.slowest ?? 0,
    rowsWrong,
    oddProgress,
    unsettled,
    accidents: accidents.length,
    findings
  } satisfies Report
}, Effect.scoped)
