// What the compiler says to mistakes in a processor, and what it infers of failures and services.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import type { CheckpointStore } from "../src/CheckpointStore.ts"
import type { CheckpointStoreError } from "../src/CheckpointStoreError.ts"
import type { EventStore } from "../src/EventStore.ts"
import type { EventStoreError } from "../src/EventStoreError.ts"
import * as Memory from "../src/Memory.ts"
import * as Position from "../src/Position.ts"
import * as Processor from "../src/Processor.ts"
import type { ReadModelStore } from "../src/ReadModelStore.ts"
import { Account, Balances, Order } from "./fixtures.ts"

class MailError extends Schema.TaggedError<MailError>()("MailError", { to: Schema.String }) {}
class AuditError extends Schema.TaggedError<AuditError>()("AuditError", {}) {}

class Mailer extends Context.Service<Mailer, { readonly send: (to: string) => Effect.Effect<void, MailError> }>()(
  "Mailer"
) {}
class Audit extends Context.Service<Audit, { readonly note: (amount: number) => Effect.Effect<void, AuditError> }>()(
  "Audit"
) {}

const Welcome = Processor.reactor("welcome", {
  from: [Account],
  handle: { Opened: ({ owner }) => Mailer.use((mailer) => mailer.send(owner)) }
})

describe("a handler", () => {
  test("its handlers are those of a reactor, and it needs a checkpoint store", () => {
    const Copy = Processor.handler("copy", { from: [Account], handle: { Opened: () => Effect.fail("no" as const) } })
    expect(Copy).type.toBe<Processor.Processor<"copy", "no", EventStore | CheckpointStore>>()
  })
})

describe("a reactor", () => {
  test("that returns no Effect", () => {
    Processor.reactor("welcome", {
      from: [Account],
      handle: {
        // @ts-expect-error Type 'string' is not assignable to type 'AnyEffect'.
        Opened: ({ owner }) => owner
      }
    })
  })

  test("that forgets to return", () => {
    Processor.reactor("welcome", {
      from: [Account],
      handle: {
        // @ts-expect-error ...Type 'void' is not assignable to type 'AnyEffect'.
        Opened: ({ owner }) => {
          Mailer.use((mailer) => mailer.send(owner))
        }
      }
    })
  })

  test("of an unknown event", () => {
    Processor.reactor("welcome", {
      from: [Account],
      handle: {
        // @ts-expect-error Object literal may only specify known properties, and 'Opend' does not exist in type
        Opend: () => Effect.void
      }
    })
  })

  test("of an unknown event beside a known one", () => {
    Processor.reactor("welcome", {
      from: [Account],
      handle: {
        Opened: () => Effect.void,
        // @ts-expect-error Type '() => Effect.Effect<void, never, never>' is not assignable to type '"no event of Account"'.
        Closd: () => Effect.void
      }
    })
  })

  test("with a misspelt field of the event", () => {
    Processor.reactor("welcome", {
      from: [Account],
      handle: {
        // @ts-expect-error Property 'ownr' does not exist on type '{ readonly _tag: "Opened"; readonly owner: string; }'.
        Opened: ({ ownr }) => Effect.log(ownr)
      }
    })
  })

  test("of several aggregates without their names", () => {
    Processor.reactor("welcome", {
      from: [Account, Order],
      handle: {
        // @ts-expect-error Object literal may only specify known properties, and 'Opened' does not exist in type
        Opened: () => Effect.void
      }
    })
  })

  test("where a projection is wanted", () => {
    // @ts-expect-error ...is not assignable to parameter of type 'Projection<string, unknown, string>'.
    Processor.projection(Welcome)
  })

  test("a projection where a reactor is wanted", () => {
    // @ts-expect-error Argument of type 'Projection<"balances"...is not assignable to parameter of type 'Processor<string, unknown, unknown>'.
    Processor.layer(Balances)
  })

  test("a service that nobody provides", () => {
    const program = Processor.run(Welcome).pipe(Effect.provide(Memory.layer))
    // @ts-expect-error Argument of type 'Effect<never, ProcessorStopped, Mailer>' is not assignable to parameter of type 'Effect<never, ProcessorStopped
    Effect.runPromise(program)
  })

  test("a retry by a schedule that waits for another failure", () => {
    Processor.layer(Welcome, {
      // @ts-expect-error Type 'Schedule<number, AuditError, never, never>' is not assignable to type 'Schedule<unknown, MailError,
      retry: Schedule.setInputType<AuditError>()(Schedule.recurs(3))
    })
    Processor.layer(Welcome, {
      retry: Schedule.while(Schedule.setInputType<MailError>()(Schedule.recurs(3)), ({ input }) => input.to !== "")
    })
  })
})

describe("what is inferred", () => {
  type Follows = EventStore | CheckpointStore

  test("failures and services are those of all handlers", () => {
    const both = Processor.reactor("both", {
      from: [Account],
      handle: {
        Opened: ({ owner }, { revision }) =>
          revision === 0 ? Mailer.use((mailer) => mailer.send(owner)) : Effect.void,
        Deposited: ({ amount }) => Audit.use((audit) => audit.note(amount))
      }
    })
    expect(both).type.toBe<Processor.Processor<"both", MailError | AuditError, Follows | Mailer | Audit>>()
  })

  test("also by aggregate, and of one function", () => {
    const nested = Processor.reactor("nested", {
      from: [Account, Order],
      handle: {
        Account: { Closed: () => Audit.use((audit) => audit.note(0)) },
        Order: { Closed: ({ by }) => Mailer.use((mailer) => mailer.send(by)) }
      }
    })
    expect(nested).type.toBe<Processor.Processor<"nested", MailError | AuditError, Follows | Mailer | Audit>>()
    const one = Processor.reactor("one", {
      from: [Account, Order],
      handle: (event) => {
        if (event.category === "Order" && event.type === "Closed")
          return Mailer.use((mailer) => mailer.send(event.data.by))
        return Effect.void
      }
    })
    expect(one).type.toBe<Processor.Processor<"one", MailError, Follows | Mailer>>()
  })

  test("layers need what their processors need, and nothing fails", () => {
    const layers = Layer.mergeAll(Processor.layer(Processor.projection(Balances)), Processor.layer(Welcome))
    expect(layers).type.toBe<Layer.Layer<never, never, Follows | ReadModelStore | Mailer>>()
    expect(Processor.run(Processor.projection(Balances))).type.toBe<
      Effect.Effect<never, Processor.ProcessorStopped, Follows | ReadModelStore>
    >()
  })

  test("waiting says how it can end", () => {
    expect(Processor.waitFor(Balances, Position.beginning)).type.toBe<
      Effect.Effect<
        void,
        | Processor.ProcessorStopped
        | Processor.EventParked
        | Processor.WaitTimedOut
        | CheckpointStoreError
        | EventStoreError,
        CheckpointStore | EventStore
      >
    >()
    // @ts-expect-error Argument of type 'number' is not assignable to parameter of type 'Position'.
    Processor.waitFor(Balances, 7)
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'Target'.
    Processor.waitFor("balances", Position.beginning)
  })
})
