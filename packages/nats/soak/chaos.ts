// chaos: what is done to servers, processes and the network in each phase; whatever it is at when the time is up it finishes.
import type { Cluster, Server } from "@evolvent/nats-server/NatsServer"
import type { NatsServerError } from "@evolvent/nats-server/NatsServerError"
import * as Effect from "effect/Effect"
import type { Forked } from "./forked.ts"
import type { Proxy } from "./proxy.ts"
import type { Random } from "./random.ts"
import type { Tally } from "./tally.ts"

/** The processes; a killed one is replaced in its place. */
export interface Prey {
  readonly writers: Array<Forked>
  readonly readers: Array<Forked>
  readonly replace: (forked: Forked) => Forked
  readonly random: Random
  readonly tally: Tally
  readonly isOver: () => boolean
}

type Step = Effect.Effect<void, NatsServerError>

/** Runs a step again and again, with a pause of so many milliseconds before each. */
const every = ({ isOver, random }: Prey, low: number, high: number, step: Step): Step =>
  Effect.gen(function* () {
    while (true) {
      for (let left = random.between(low, high); left > 0 && !isOver(); left -= 50) yield* Effect.sleep(50)
      if (isOver()) return
      yield* step
    }
  })

const together = (...steps: ReadonlyArray<Step>): Step => Effect.all(steps, { concurrency: "unbounded", discard: true })

/** Kills one of some processes, and another comes in its place. */
const killOne = (
  { random, replace, tally }: Prey,
  among: Array<Forked>,
  counted: "writerKills" | "readerKills"
): Step =>
  Effect.promise(async () => {
    const at = random.between(0, among.length - 1)
    const one = among[at]
    if (one === undefined) return
    await one.kill()
    tally.add(counted)
    among[at] = replace(one)
  })

/** Stops a reading process in its tracks, for longer than its leases. */
const stopOne = ({ random, readers, tally }: Prey): Step =>
  Effect.suspend(() => {
    const one = readers[random.between(0, readers.length - 1)]
    if (one === undefined) return Effect.void
    tally.add("stops")
    one.signal("SIGSTOP")
    return Effect.andThen(
      Effect.sleep(random.between(1300, 3500)),
      Effect.sync(() => one.signal("SIGCONT"))
    )
  })

/** One server that is killed and comes back. */
export const server = (prey: Prey, one: Server): Step => {
  const { random, tally } = prey
  const crash = Effect.gen(function* () {
    const way = random.weighted({ kill: 8, stop: 2, pause: 1 })
    const away = random.chance(0.15) ? random.between(1500, 4000) : random.between(0, 300)
    if (way === "pause") {
      tally.add("serverPauses")
      yield* one.pause
      yield* Effect.sleep(1000 + away)
      return yield* one.resume
    }
    tally.add("serverKills")
    yield* way === "kill" ? one.kill : one.stop
    yield* Effect.sleep(away)
    yield* one.start
  })
  return together(
    every(prey, 800, 3500, crash),
    every(prey, 2500, 6000, killOne(prey, prey.writers, "writerKills")),
    every(prey, 9000, 20_000, killOne(prey, prey.readers, "readerKills"))
  )
}

/** A cluster whose leaders are killed again and again. */
export const cluster = (prey: Prey, { leaderOf, ready, servers }: Cluster, streams: ReadonlyArray<string>): Step => {
  const { isOver, random, tally } = prey
  const [log = "", bus = ""] = streams

  /** Waits until another one leads, but not for ever. */
  const follower = (stream: string, old: number | undefined) =>
    Effect.gen(function* () {
      for (let i = 0; i < 150; i++) {
        const leader = yield* leaderOf(stream)
        if (leader !== undefined && leader !== old) return
        yield* Effect.sleep(100)
      }
    })

  const crash = Effect.gen(function* () {
    const way = random.weighted({ log: 12, bus: 2, all: 1, pause: 2 })
    if (way === "all") {
      tally.add("serverKills", servers.length)
      yield* Effect.forEach(servers, ({ kill }) => kill, { concurrency: "unbounded" })
      yield* Effect.sleep(random.between(0, 500))
      yield* Effect.forEach(servers, ({ start }) => start, { concurrency: "unbounded" })
      return yield* ready
    }
    const stream = way === "bus" ? bus : log
    const old = yield* leaderOf(stream)
    const one = servers[old ?? random.between(0, servers.length - 1)]
    if (one === undefined) return
    tally.add(way === "pause" ? "serverPauses" : "serverKills")
    yield* way === "pause" ? one.pause : one.kill
    yield* follower(stream, old)
    yield* Effect.sleep(random.between(0, 500))
    yield* way === "pause" ? one.resume : one.start
    yield* ready
  })

  /** Counts each time that another server leads the log. */
  const watch = Effect.gen(function* () {
    let leader = yield* leaderOf(log)
    while (!isOver()) {
      const now = yield* leaderOf(log)
      if (now !== undefined && leader !== undefined && now !== leader) tally.add("leaderChanges")
      leader = now ?? leader
      yield* Effect.sleep(200)
    }
  })
  return together(
    watch,
    every(prey, 100, 600, crash),
    every(prey, 8000, 15_000, killOne(prey, prey.writers, "writerKills"))
  )
}

/** A network that delays, stalls, passes one direction only, half-closes and cuts. */
export const network = (prey: Prey, proxy: Proxy): Step => {
  const { random, tally } = prey
  const held = (directions: ReadonlyArray<"up" | "down">, millis: number) =>
    Effect.gen(function* () {
      proxy.hold(directions)
      yield* Effect.sleep(millis)
      // What was held back comes late, or never.
      if (random.chance(0.5)) tally.add("cuts", proxy.cut(1))
      proxy.hold([])
    })
  const fault = Effect.suspend(() => {
    const share = random.chance(0.3) ? 1 : 0.4
    switch (random.weighted({ delay: 3, cut: 4, halfClose: 3, stall: 2, oneWay: 3 })) {
      case "delay":
        return Effect.sync(() => proxy.delay(random.chance(0.4) ? 0 : random.between(1, 40)))
      case "cut":
        return Effect.sync(() => tally.add("cuts", proxy.cut(share)))
      case "halfClose":
        return Effect.sync(() => tally.add("halfCloses", proxy.halfClose(share, random.chance(0.5) ? "up" : "down")))
      case "stall":
        tally.add("stalls")
        return held(["up", "down"], random.between(300, 4500))
      case "oneWay":
        tally.add("oneWay")
        return held([random.chance(0.5) ? "up" : "down"], random.between(300, 4500))
    }
  })
  // However short it is, connections are cut in it.
  const first = Effect.andThen(
    Effect.sleep(500),
    Effect.sync(() => tally.add("cuts", proxy.cut(1)))
  )
  return together(
    Effect.andThen(first, every(prey, 200, 1200, fault)),
    every(prey, 6000, 12_000, killOne(prey, prey.writers, "writerKills"))
  ).pipe(
    Effect.andThen(
      Effect.sync(() => {
        proxy.hold([])
        proxy.delay(0)
      })
    )
  )
}

/** Processes that are killed, and stopped for longer than their leases, while the server is well. */
export const pressure = (prey: Prey): Step =>
  together(
    every(prey, 300, 1500, stopOne(prey)),
    every(prey, 3000, 6000, killOne(prey, prey.writers, "writerKills")),
    every(prey, 12_000, 20_000, killOne(prey, prey.readers, "readerKills"))
  )
