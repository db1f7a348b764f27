// What executing a command and waiting for processors needs, and how it can fail.
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import type { CheckpointStore } from "../src/CheckpointStore.ts"
import type { CheckpointStoreError } from "../src/CheckpointStoreError.ts"
import type { EventStore } from "../src/EventStore.ts"
import type { EventStoreError, WrongExpectedRevision } from "../src/EventStoreError.ts"
import type * as Processor from "../src/Processor.ts"
import * as Projection from "../src/Projection.ts"
import { Order } from "./fixtures.ts"

describe("execute and wait", () => {
  const Orders = Projection.make("orders", { from: [Order], row: Schema.Struct({ n: Schema.Int }), initial: { n: 0 } })(
    {
      evolve: {}
    }
  )

  test("needs checkpoints, and fails as a wait does, where it waits for somebody", () => {
    const closed = Aggregate.execute(Order, "7", { _tag: "Close" }, { waitFor: [Orders] })
    type Waiting = Processor.ProcessorStopped | Processor.EventParked | Processor.WaitTimedOut | CheckpointStoreError
    type Around = Aggregate.InvalidCommand | Aggregate.CommandIdReused | WrongExpectedRevision | EventStoreError
    expect<Effect.Error<typeof closed>>().type.toBe<Around | Waiting>()
    expect<Effect.Services<typeof closed>>().type.toBe<EventStore | CheckpointStore>()
    // @ts-expect-error Object literal may only specify known properties, but 'comandId' does not exist in type...Did you mean to write 'commandId'?
    Aggregate.execute(Order, "7", { _tag: "Close" }, { comandId: "c-1", waitFor: [Orders] })
    // @ts-expect-error Type 'string' is not assignable to type 'Target'.
    Aggregate.execute(Order, "7", { _tag: "Close" }, { waitFor: ["orders"] })
  })
})
