// bench memory-store: the services in memory, and how much memory a replay of a million events takes.
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Memory from "evolvent/Memory"
import * as Processor from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import { Balances, Counter } from "./counter.ts"
import { measure } from "./measure.ts"
import { perSecond, print } from "./table.ts"
import type { Row } from "./table.ts"

const megabytes = 1024 * 1024
const memoryBudget = 150

/** The rows of the store in memory. */
export const run = async (): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  const runtime = ManagedRuntime.make(Memory.layer)
  const rateOf = (operations: number, effect: Effect.Effect<unknown, unknown, Memory.Services>) =>
    measure({ name: "", operations, round: async () => void (await runtime.runPromise(effect)) })

  let streams = 0
  for (const callers of [1, 16, 64]) {
    const appends = 20_000
    const one = Effect.suspend(() => {
      const stream = StreamName.make("Counter", String(streams++ % 1000))
      return EventStore.use((store) => store.append(stream, [{ type: "Deposited", data: { amount: 1 } }]))
    })
    const rate = await rateOf(appends, Effect.replicateEffect(one, appends, { concurrency: callers, discard: true }))
    rows.push({ what: `append 1 event, ${callers} callers`, measured: perSecond(rate) })
  }

  const executes = 10_000
  const execute = Effect.suspend(() => Aggregate.execute(Counter, `e${streams++}`, { _tag: "Deposit", amount: 1 }))
  const executed = await rateOf(executes, Effect.replicateEffect(execute, executes, { discard: true }))
  rows.push({ what: "execute on a new entity", measured: perSecond(executed) })

  for (const length of [100, 1000, 10_000]) {
    const stream = StreamName.make("Counter", `of${length}`)
    const events = Array.from({ length }, () => ({ type: "Deposited", data: { amount: 1 } }))
    await runtime.runPromise(EventStore.use((store) => store.append(stream, events)))
    const times = 100_000 / length
    const load = Effect.replicateEffect(Aggregate.load(Counter, `of${length}`), times, { discard: true })
    rows.push({
      what: `load a stream of ${length}, in events`,
      measured: perSecond(await rateOf(length * times, load))
    })
  }

  const all = await runtime.runPromise(EventStore.use((store) => Stream.runCount(store.read(EventFilter.all()))))
  const read = EventStore.use((store) => Stream.runDrain(store.read(EventFilter.all())))
  rows.push({ what: `read all ${all} events`, measured: perSecond(await rateOf(all, read)) })

  const caughtUp = Effect.gen(function* () {
    const store = yield* EventStore
    yield* Processor.waitFor(Balances, yield* store.head, { timeout: "5 minutes" })
  })
  const start = performance.now()
  await runtime.runPromise(
    Effect.scoped(Effect.andThen(Layer.build(Processor.layer(Processor.projection(Balances))), caughtUp))
  )
  rows.push({
    what: `projection catches up, ${all} events`,
    measured: perSecond((all / (performance.now() - start)) * 1000)
  })
  await runtime.dispose()

  rows.push(replayMemory("fold"), replayMemory("project"))
  print("memory-store: the services in memory (no peer), and the memory of a replay", rows)
  return rows
}

/** A replay in a process of its own: what it took above what it had when idle. */
const replayMemory = (what: "fold" | "project"): Row => {
  const child = spawnSync(process.execPath, ["--expose-gc", import.meta.dirname + "/replay.ts", what], {
    encoding: "utf8"
  })
  if (child.status !== 0) throw new Error(`The replay failed: ${child.stderr}`)
  const { events, idle, peak, seconds } = JSON.parse(child.stdout) as {
    readonly events: number
    readonly idle: number
    readonly peak: number
    readonly seconds: number
  }
  const above = (peak - idle) / megabytes
  return {
    what: `${what} ${events} events of a Stream`,
    measured: `${above.toFixed(0)} MB above idle, ${perSecond(events / seconds)}`,
    against: `idle ${(idle / megabytes).toFixed(0)} MB`,
    budget: `< ${memoryBudget} MB`,
    met: above < memoryBudget
  }
}
