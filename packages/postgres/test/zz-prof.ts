import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import { EventStore } from "evolvent/EventStore"
import * as StreamName from "evolvent/StreamName"
import * as Revision from "evolvent/Revision"
import * as Postgres from "../src/Postgres.ts"
import { Session } from "node:inspector/promises"
const url = readFileSync("/tmp/dev/url", "utf8")
const [callers, batch, n] = process.argv.slice(2).map(Number) as [number, number, number]
const dataAt = (n: number) => ({ amount: n % 10_000, currency: "EUR", counterparty: "DE89 3704 0044 0532 0130 00", reference: `INV-2026-${String(n % 1_000_000).padStart(6, "0")}`, note: "quarterly instalment as agreed, thirty days net, no reminder before the fifteenth of the month" })
await Effect.runPromise(Effect.gen(function*(){
  const store = yield* EventStore
  const tag = Date.now().toString(36)
  const run = (k: number, rounds: number) => Effect.forEach(Array.from({length: callers}, (_,c)=>c), (c) => Effect.gen(function*(){
    for (let i=0;i<rounds;i++) {
      const s = StreamName.make("Ledger", `${tag}-${k}-${c}-${Math.floor(i/20)}`)
      const r = (i%20)*batch
      yield* store.append(s, Array.from({length: batch}, (_, j) => ({ type: "Credited", data: dataAt(i*batch+j) })), { expected: r === 0 ? "noStream" : Revision.make(r-1) })
    }
  }), { concurrency: "unbounded", discard: true })
  yield* run(0, Math.ceil(n/2))
  const session = new Session(); session.connect()
  yield* Effect.promise(() => session.post("Profiler.enable")); yield* Effect.promise(() => session.post("Profiler.setSamplingInterval", { interval: 200 }))
  yield* Effect.promise(() => session.post("Profiler.start"))
  const c0 = process.cpuUsage(), t = performance.now()
  yield* run(1, n)
  const d = process.cpuUsage(c0)
  const ops = n*callers
  console.log("cpu µs/append", ((d.user+d.system)/ops).toFixed(1), "wall", ((performance.now()-t)*1000/ops).toFixed(1))
  const { profile } = yield* Effect.promise(() => session.post("Profiler.stop"))
  const self = new Map<string, number>()
  const dt = profile.timeDeltas!, ids = profile.samples!
  const byId = new Map(profile.nodes.map(x => [x.id, x]))
  let total = 0
  ids.forEach((id, i) => { const nd = byId.get(id)!; const f = nd.callFrame; const key = `${f.functionName || "(anon)"} ${f.url.split("/").slice(-2).join("/")}:${f.lineNumber+1}`; if (key.startsWith("(idle)")) return; self.set(key, (self.get(key) ?? 0) + dt[i]!); total += dt[i]! })
  for (const [k, v] of [...self].sort((a,b)=>b[1]-a[1]).slice(0, 40)) console.log((v/ops).toFixed(2).padStart(8), "µs", (100*v/total).toFixed(1).padStart(5)+"%", k)
}).pipe(Effect.provide(Postgres.layer({ url: Redacted.make(url), maxConnections: 10, schema: "prof" + Date.now().toString(36) }))))
process.exit(0)
