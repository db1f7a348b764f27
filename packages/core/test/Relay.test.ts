// The relay's own part: what it is given wrongly, and keys that throw. The laws are in the conformance suite.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as Aggregate from "../src/Aggregate.ts"
import * as Bus from "../src/Bus.ts"
import { BusError } from "../src/BusError.ts"
import { EventStore } from "../src/EventStore.ts"
import { UnstorableContent } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import * as Processor from "../src/Processor.ts"
import * as StreamName from "../src/StreamName.ts"

const Counter = Aggregate.make("Counter", {
  command: Schema.TaggedUnion({ Add: {} }),
  event: Schema.TaggedUnion({ Added: {} }),
  state: Schema.Null,
  initial: null
})({ decide: { Add: () => [{ _tag: "Added" }] }, evolve: { Added: () => null } })

const noRetry = Schedule.recurs(0)

const append = (id: string) =>
  EventStore.use((store) => store.append(StreamName.make("Counter", id), [{ type: "Added", data: {} }]))

it("needs a name, and types that its aggregates have", () => {
  expect(() => Processor.relay("", { from: [Counter] })).toThrow(TypeError)
  expect(() => Processor.relay("r", { from: [Counter], only: ["Removed" as "Added"] })).toThrow(/"Removed"/)
})

it.live("a key that throws is the event's failure", () =>
  Effect.gen(function* () {
    const relay = Processor.relay("r", {
      from: [Counter],
      key: ({ streamId }) => {
        if (streamId === "bad") throw new TypeError("no key")
        return streamId
      }
    })
    yield* append("good")
    yield* append("bad")
    const stopped = yield* Effect.flip(Processor.run(relay))
    expect([stopped.stream, stopped.problem]).toEqual(["Counter-bad", expect.stringContaining("no key")])
  }).pipe(Effect.provide(Memory.layer))
)

it.live("what the bus dies of stops it; what it cannot store is told apart by onFailure", () =>
  Effect.gen(function* () {
    const bus = yield* Bus.Bus
    yield* append("a")
    const relay = Processor.relay("r", { from: [Counter] })
    const dies = { ...bus, publish: () => Effect.die("a bug") }
    const stopped = yield* Effect.flip(Effect.provideService(Processor.run(relay), Bus.Bus, dies))
    expect(stopped.problem).toContain("a bug")
    const reason = new UnstorableContent({ stream: "Counter-a", type: "Added", problem: "it is odd" })
    const refuses = { ...bus, publish: () => Effect.fail(new BusError({ operation: "Bus.publish", reason })) }
    const asked: Array<string> = []
    const onFailure = (error: BusError) => {
      asked.push(error.reason._tag)
      return "park" as const
    }
    yield* Processor.run(relay, { onFailure, retry: noRetry }).pipe(
      Effect.provideService(Bus.Bus, refuses),
      Effect.raceFirst(Processor.waitFor(relay, yield* EventStore.use((store) => store.head)).pipe(Effect.ignore))
    )
    expect(asked).toEqual(["UnstorableContent"])
    const [parked] = yield* Processor.parked(relay)
    expect(parked?.problem).toContain("it is odd")
  }).pipe(Effect.provide(Memory.layer))
)
