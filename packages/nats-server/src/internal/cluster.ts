// A cluster of servers on this machine, for tests of what happens when some of them fail.
import * as path from "node:path"
import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import type { Cluster, ClusterOptions, Server } from "../NatsServer.ts"
import { DidNotStart, InvalidOption, type PortTaken, type Reason } from "../NatsServerError.ts"
import { acquire, whole } from "./make.ts"
import { isHealthy, meta, streamLeader } from "./monitor.ts"
import { pause } from "./pause.ts"
import { freePorts } from "./port.ts"
import { tail } from "./server.ts"

/** A cluster for the options, in the scope; new ports for all when one of the routes' was taken meanwhile. */
export const makeCluster = Effect.fnUntraced(function* (options: ClusterOptions) {
  const size = options.size ?? 3
  if (!Number.isInteger(size) || size < 2) {
    return yield* new InvalidOption({
      option: "size",
      problem: `is a whole number from 2 on, but ${size} was given`,
      hint: "Three servers go on when one fails; for one alone use `NatsServer.make`."
    })
  }
  const attempt = (left: number): ReturnType<typeof start> =>
    Effect.catchTag(whole(start(options, size)), "PortTaken", (error: PortTaken) =>
      left > 0 ? attempt(left - 1) : Effect.fail(error)
    )
  return yield* attempt(5)
})

const start = Effect.fnUntraced(function* (options: ClusterOptions, size: number) {
  const { config, directory, startTimeout = 60_000, ...program } = options
  const routes = yield* freePorts(size)
  const name = `evolvent-${randomBytes(4).toString("hex")}`
  // With a folder that is kept, the servers are known there by these names.
  const prefix = directory === undefined ? name : "evolvent"
  const servers = yield* Effect.forEach(
    routes,
    (route, index) =>
      acquire(
        {
          ...program,
          startTimeout,
          config: { ...config, server_name: `${prefix}-${index}` },
          directory: directory === undefined ? undefined : path.join(path.resolve(directory), String(index))
        },
        { cluster: name, routes, route }
      ),
    { concurrency: "unbounded" }
  )
  const indexOf = (leader: string | undefined) => {
    const index = servers.findIndex((server) => server.name === leader)
    return index < 0 ? undefined : index
  }
  const cluster: Omit<Cluster, "ready"> & { readonly ready: Effect.Effect<void, Reason> } = {
    name,
    urls: servers.map(({ url }) => url),
    servers,
    metaLeader: Effect.map(
      agreed(servers, ({ monitorUrl }) => Effect.map(meta(monitorUrl), ({ leader }) => leader)),
      indexOf
    ),
    leaderOf: (stream, account = "$G") =>
      Effect.map(
        agreed(servers, ({ monitorUrl }) => streamLeader(monitorUrl, stream, account)),
        indexOf
      ),
    ready: Effect.suspend(() => settled(servers, startTimeout))
  }
  yield* settled(servers, startTimeout)
  return cluster
})

/**
 * The leader by the servers' own words.
 *
 * One that was cut off may still name the old leader, or itself: most voices decide, among those that answer.
 */
const agreed = Effect.fnUntraced(function* (
  servers: ReadonlyArray<Server>,
  ask: (server: Server) => Effect.Effect<string | undefined>
) {
  const answers = yield* Effect.forEach(servers, ask, { concurrency: "unbounded" })
  const votes = new Map<string, number>()
  for (const answer of answers) if (answer !== undefined) votes.set(answer, (votes.get(answer) ?? 0) + 1)
  return [...votes].sort(([, left], [, right]) => right - left)[0]?.[0]
})

/**
 * Waits until the servers that run agree on a leader among them, and say that all they store is ready.
 *
 * All of them and most of the cluster: one that has just lost the others goes on leading for a while, by its own word.
 */
const settled = Effect.fnUntraced(function* (all: ReadonlyArray<Server>, timeoutMillis: number) {
  const began = performance.now()
  for (;;) {
    const running = yield* Effect.filter(all, (server) => Effect.map(server.pid, (pid) => pid !== undefined))
    const views = yield* Effect.forEach(running, ({ monitorUrl }) => meta(monitorUrl), { concurrency: "unbounded" })
    const leader = running.findIndex(({ name }) => name === views[0]?.leader)
    const led =
      running.length * 2 > all.length &&
      views.every((view) => view.leader === running[leader]?.name) &&
      running.every(({ name }, index) => index === leader || views[leader]?.current.includes(name))
    const healthy = led
      ? yield* Effect.forEach(running, ({ monitorUrl }) => isHealthy(monitorUrl), { concurrency: "unbounded" })
      : [false]
    if (healthy.every(Boolean)) return
    if (performance.now() - began > timeoutMillis) {
      const missing = led ? "some of its servers are not healthy" : "JetStream has no leader"
      return yield* new DidNotStart({
        problem:
          `The cluster was not ready after ${timeoutMillis} ms: ${missing}, ` +
          `and ${running.length} of its ${all.length} servers run`,
        hint: "More than half of the servers must run; an election may take some seconds.",
        log: all.flatMap(({ logFile, name }) =>
          tail(logFile, 0)
            .slice(-5)
            .map((line) => `${name}: ${line}`)
        )
      })
    }
    yield* pause(25)
  }
})
