// Every service on NATS keeps its laws, on each version of the server that is found here.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import { suite } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Nats from "../src/Nats.ts"
import { serve } from "./support/served.ts"

// Where none is here one is brought first.
const first = await serve()
const found = await Effect.runPromise(NatsServer.found)
const others = found.filter(({ version }) => version !== first.version)
const servers = [first, ...(await Promise.all(others.map(({ version }) => serve({ version }))))]

it("runs on the servers that are found", () => {
  console.log(`conformance on nats-server ${servers.map(({ version }) => version).join(", ")}`)
  expect(servers.length).toBeGreaterThan(0)
})

const isAtomic = (version: string): boolean => Number(version.split(".")[1]) >= 12

for (const { url, version } of servers) {
  suite(`nats-server ${version}`, Nats.layer({ servers: url, removal: true }), {
    describe,
    it,
    capabilities: {
      idempotency: "forever",
      appendAll: isAtomic(version),
      truncate: false,
      transaction: false,
      atomicBatch: false
    }
  })
}
