// Old messages of the bus go from the log of PostgreSQL, and nothing else does.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Bus from "evolvent/Bus"
import type { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { expect, it } from "vitest"
import { sqlState } from "../src/internal/sqlErrors.ts"
import { serve, until } from "./support/AppendStore.ts"

const { open } = await serve()

const message = (n: number, key: string): Bus.Message => ({
  id: EventId.derive("message", `${key} ${n}`, 0),
  key,
  category: "Order",
  type: "Placed",
  schemaVersion: 1,
  stream: StreamName.make("Order", key),
  revision: Revision.make(n),
  data: n,
  metadata: {}
})

/** The numbers of the messages that are stored. */
const kept = EventStore.use((store) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.category("$bus"))), (events) =>
    events.map(({ data }) => (data as { readonly data: unknown }).data)
  )
)

it("messages go when they are old; what is parked or waits for its group stays", async () => {
  const { run } = await open()
  const surroundings = Layer.effectContext(Effect.context<EventStore | CheckpointStore>())
  const layer = Layer.provide(Bus.layer({ retention: "2 seconds" }), surroundings)
  const lived = Effect.gen(function* () {
    const bus = yield* Bus.Bus
    const subscribe = (group: string, fails: (one: Bus.Message) => boolean) =>
      Effect.forkScoped(
        bus.subscribe(group, { topics: [{ category: "Order" }], retry: Schedule.recurs(0) }, (one) =>
          fails(one) ? Effect.fail("broken") : Effect.void
        )
      )
    let isBroken = true
    yield* subscribe("all", () => false)
    yield* subscribe("broken", ({ data }) => data === 2 && isBroken)
    yield* bus.publish([message(0, "k"), message(1, "k"), message(2, "k"), message(3, "k")])
    const is = (expected: ReadonlyArray<number>) =>
      until(
        `${expected.join()} are kept`,
        Effect.map(kept, (found) => found.join() === expected.join())
      )
    yield* is([2, 3])
    yield* Effect.sleep("1 second")
    yield* is([2, 3])
    expect((yield* bus.parked("broken")).map((one) => one.message.data)).toEqual([2, 3])
    isBroken = false
    yield* bus.retry("broken")
    yield* is([3])
    yield* bus.publish([message(4, "k")])
    yield* is([4])
  })
  await run(Effect.provide(Effect.scoped(lived), layer))
})

it("only messages of the bus can be removed, by whatever statement of the writer's", async () => {
  const { events, run, schema, sql } = await open()
  await run(
    Effect.gen(function* () {
      const stream = StreamName.make("Account", "ada")
      yield* events.append(stream, [
        { type: "Opened", data: {} },
        { type: "Closed", data: {} }
      ])
      for (const name of [stream, "$buses-1", "$parked-bus/1", "x$bus-1"]) {
        const call = sql`SELECT ${sql(schema)}.truncate_stream(${name}, 1000, now() + interval '1 day')`
        expect(sqlState(yield* Effect.flip(call))).toBe("42501")
      }
      expect(yield* events.streamRevision(stream)).toBe(1)
      expect(yield* events.head).toBeGreaterThan(Position.beginning)
    })
  )
})
