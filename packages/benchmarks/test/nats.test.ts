// The benchmark of NATS: it runs from end to end, and both of its peers store the same.
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import { spawn } from "node:child_process"
import { text } from "node:stream/consumers"
import { expect, it } from "vitest"
import { startPeer } from "../src/child.ts"
import { start } from "../src/natsServer.ts"
import type { NatsStore } from "../src/natsServer.ts"
import { addressOf } from "../src/peers/natsAddress.ts"

const version = process.env["NATS_VERSION"]

interface First {
  readonly bytes: number
  readonly events: ReadonlyArray<Readonly<Record<string, unknown>>>
}

/** What the first message of a store's events holds. */
const firstOf = async ({ url }: NatsStore): Promise<First> => {
  const { prefix, servers } = addressOf(url)
  const connection = await connect({ servers })
  const { streams } = await jetstreamManager(connection)
  const message = await streams.getMessage(`${prefix}_events`, { seq: 1 })
  await connection.close()
  const body = message?.string() ?? ""
  return { bytes: body.length, events: JSON.parse(body) as First["events"] }
}

it("has both peers store the same: equal fields, and as many bytes but for five line breaks an event", async () => {
  const server = await start(version)
  try {
    const [ours, raw] = [await server.create(), await server.create()]
    for (const [name, store] of [["ours-nats", ours] as const, ["nats", raw] as const]) {
      const peer = await startPeer(name, store.url)
      const { count } = await peer.ask({ op: "seed", batch: 10, length: 20, streams: 3, prefix: "same" })
      expect(count).toBe(60)
      expect(await store.messages("events")).toBe(6)
      await peer.close()
    }
    const [mine, theirs] = [await firstOf(ours), await firstOf(raw)]
    const same = ({ events }: First) =>
      events.map((event) => ({ ...event, id: typeof event["id"], recordedAt: typeof event["recordedAt"] }))
    expect(mine.events).toHaveLength(10)
    expect(same(mine)).toEqual(same(theirs))
    expect(mine.bytes - theirs.bytes).toBeLessThanOrEqual(50)
    expect(mine.bytes).toBeGreaterThanOrEqual(theirs.bytes)
  } finally {
    await server.close()
  }
}, 60_000)

it("runs", async () => {
  const main = new URL("../src/main.ts", import.meta.url).pathname
  const flags = ["--seconds", "0.2", "--rounds", "1", "--events", "1000"]
  const run = spawn(process.execPath, [main, "nats", ...flags, ...(version ? ["--nats-version", version] : [])])
  const exited = new Promise<number | null>((resolve) => run.once("exit", resolve))
  const [output, problems, code] = await Promise.all([text(run.stdout), text(run.stderr), exited])
  for (const table of ["append", "load", "catch-up", "publish", "consume"]) {
    expect(output, problems).toContain(`nats ${table}: `)
  }
  // Such a run may miss every budget, but it has all of its rows.
  expect(output.match(/≥ 0\.80×/g)).toHaveLength(14)
  expect([0, 1]).toContain(code)
}, 120_000)
