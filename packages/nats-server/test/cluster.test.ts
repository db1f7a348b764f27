// A cluster: its servers find one another, replicate, and go on without one of them.
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NatsServer from "../src/NatsServer.ts"
import { createStream, store, stored } from "./support/client.ts"
import { isGone, scratch, until } from "./support/scratch.ts"
import { versions } from "./support/servers.ts"

/** Asks again until it succeeds: the leader of a stream changes some time after its server is gone. */
const eventually = <A, E>(self: Effect.Effect<A, E>) => Effect.eventually(Effect.tapError(self, () => Effect.sleep(50)))

/** The index of a stream's leader, once there is one that is not this one. */
const leader = (cluster: NatsServer.Cluster, stream: string, not?: number) =>
  eventually(
    Effect.filterOrFail(cluster.leaderOf(stream), (index): index is number => index !== undefined && index !== not)
  )

const at = (cluster: NatsServer.Cluster, index: number): NatsServer.Server => {
  const server = cluster.servers[index]
  assert(server !== undefined)
  return server
}

describe.concurrent("cluster", { timeout: 60_000 }, () => {
  it.live.each(versions)("of three elects leaders and survives the kill of one, on %s", (version) =>
    Effect.gen(function* () {
      const pids = yield* Effect.scoped(
        Effect.gen(function* () {
          const cluster = yield* NatsServer.cluster({ size: 3, version })
          assert.lengthOf(cluster.urls, 3)
          assert.isDefined(yield* cluster.metaLeader)
          assert.isUndefined(yield* cluster.leaderOf("kept"))
          assert.containSubset(yield* createStream(at(cluster, 0).port, "kept", 3), { config: { num_replicas: 3 } })
          const first = yield* leader(cluster, "kept")
          assert.strictEqual(yield* store(at(cluster, (first + 1) % 3).port, "kept", "a"), 1)

          const victim = yield* at(cluster, first).pid
          yield* at(cluster, first).kill
          assert(isGone(victim))
          yield* cluster.ready
          const second = yield* leader(cluster, "kept", first)
          assert.strictEqual(yield* eventually(stored(at(cluster, second).port, "kept", 1)), "a")
          assert.strictEqual(yield* eventually(store(at(cluster, second).port, "kept", "b")), 2)

          yield* at(cluster, first).start
          yield* cluster.ready
          assert.strictEqual(yield* eventually(stored(at(cluster, first).port, "kept", 2)), "b")
          return yield* Effect.forEach(cluster.servers, ({ pid }) => pid)
        })
      )
      assert.lengthOf(pids, 3)
      yield* until("all have ended", () => pids.every(isGone))
    })
  )

  it.live("keeps the data of a directory between runs, and comes back when all were killed", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* scratch, "data")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const cluster = yield* NatsServer.cluster({ directory })
          yield* createStream(at(cluster, 0).port, "kept", 3)
          assert.strictEqual(yield* store(at(cluster, 0).port, "kept", "a"), 1)
          yield* Effect.forEach(cluster.servers, ({ kill }) => kill)
          // One after the other: the first ones have nobody to agree with.
          yield* Effect.forEach(cluster.servers, ({ start }) => start)
          yield* cluster.ready
          assert.strictEqual(yield* eventually(stored(at(cluster, 1).port, "kept", 1)), "a")
        })
      )
      const cluster = yield* NatsServer.cluster({ directory })
      assert.strictEqual(yield* eventually(stored(at(cluster, 2).port, "kept", 1)), "a")
    })
  )

  it.live("says that it has no leader when most of its servers are down", () =>
    Effect.gen(function* () {
      const cluster = yield* NatsServer.cluster({ startTimeout: 12_000 })
      yield* at(cluster, 0).kill
      yield* at(cluster, 1).kill
      const error = yield* Effect.flip(cluster.ready)
      assert.match(error.message, /The cluster was not ready after 12000 ms: .*, and 1 of its 3 servers run/)
    })
  )
})
