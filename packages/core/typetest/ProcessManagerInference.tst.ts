// What the compiler infers of a process manager.
import * as Schema from "effect/Schema"
import { describe, expect, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import type { Recorded } from "../src/EventData.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import * as Projection from "../src/Projection.ts"
import { Account, type AccountNotOpen, type InsufficientFunds, Order } from "./fixtures.ts"
import { id, Payment, type PaymentEvent, type PaymentState, paymentStep, right } from "./processFixtures.ts"

interface Expired {
  readonly _tag: "Expired"
}

describe("what is inferred", () => {
  test("the process manager", () => {
    expect(Payment).type.toBe<
      ProcessManager.ProcessManager<"Payment", typeof Order | typeof Account, PaymentEvent, PaymentState, Expired>
    >()
    const Plain = ProcessManager.make("Plain", {
      observes: [Order],
      correlate: ({ streamId }) => streamId,
      event: Schema.TaggedUnion({ Begun: {} }),
      state: Schema.Literals(["new", "begun"]),
      initial: "new"
    })({
      decide: { Paid: () => [{ _tag: "Begun" }] },
      evolve: { Begun: () => "begun" },
      dispatch: { Begun: (_, state) => (state === "begun" ? [Aggregate.command(Order, "1", { _tag: "Close" })] : []) }
    })
    expect(Plain).type.toBe<
      ProcessManager.ProcessManager<"Plain", typeof Order, { readonly _tag: "Begun" }, "new" | "begun", never>
    >()
  })

  test("its functions", () => {
    expect(Payment.expire({ _tag: "Expired" }, Payment.initial)).type.toBe<ReadonlyArray<PaymentEvent>>()
    expect(Payment.dispatch({ _tag: "Taken" }, Payment.initial, { id: "1" })).type.toBe<
      ReadonlyArray<Aggregate.Command<PaymentEvent> | ProcessManager.Deadline<Expired>>
    >()
    expect(Payment.aggregate).type.toBe<
      Aggregate.Aggregate<"Payment", string, never, PaymentEvent, PaymentState, never>
    >()
  })

  test("what handlers know", () => {
    paymentStep({
      decide: {
        Order: {
          Closed: (event, state, recorded) => {
            expect(event).type.toBe<{ readonly _tag: "Closed"; readonly by: string }>()
            expect(state).type.toBe<PaymentState>()
            expect(recorded).type.toBe<Recorded<{ readonly _tag: "Closed"; readonly by: string }, "Order", "Closed">>()
            return []
          }
        },
        Account: {
          Closed: (event) => {
            expect(event).type.toBe<{ readonly _tag: "Closed" }>()
            return []
          }
        }
      },
      evolve: right.evolve,
      deadline: {
        Expired: (deadline, state) => {
          expect(deadline).type.toBe<Expired>()
          expect(state).type.toBe<PaymentState>()
          return []
        }
      },
      dispatch: {
        Failed: (event, state, process) => {
          expect(event).type.toBe<{ readonly _tag: "Failed"; readonly reason: string }>()
          expect(state).type.toBe<PaymentState>()
          expect(process).type.toBe<ProcessManager.Instance>()
          return [
            Aggregate.command(
              Account,
              id,
              { _tag: "Close" },
              {
                rejected: (rejection) => {
                  expect(rejection).type.toBe<AccountNotOpen | InsufficientFunds>()
                  return rejection._tag === "AccountNotOpen" ? [] : [{ _tag: "Failed", reason: rejection._tag }]
                }
              }
            )
          ]
        }
      }
    })
  })

  test("category and then type narrow the event that is correlated", () => {
    ProcessManager.make("Plain", {
      observes: [Order, Account],
      correlate: (event) => {
        if (event.category === "Order" && event.type === "Closed") return event.data.by
        return event.type === "Opened" ? event.data.owner : undefined
      },
      event: Schema.TaggedUnion({ Begun: {} }),
      state: Schema.Null,
      initial: null
    })
  })

  test("what is made elsewhere, of a declared or a known type", () => {
    const close = (): Aggregate.Command<PaymentEvent> =>
      Aggregate.command(Account, id, { _tag: "Close" }, { rejected: () => [{ _tag: "Failed", reason: "" }] })
    const reopen = Aggregate.command(Order, "1", { _tag: "Close" })
    expect(reopen).type.toBe<Aggregate.Command<never>>()
    const expired = ProcessManager.deadline({ _tag: "Expired" }, { after: "1 hour" })
    expect(expired).type.toBe<ProcessManager.Deadline<Expired>>()
    const Sent = paymentStep({ ...right, dispatch: { Taken: () => [close(), reopen, expired] } })
    expect(Sent).type.toBe<typeof Payment>()
  })

  test("its own events can be projected and observed", () => {
    Projection.make("payments", {
      from: [Payment.aggregate],
      row: Schema.Struct({ amount: Schema.Int })
    })({
      create: { Started: ({ amount }) => ({ amount }) },
      evolve: { Failed: () => Projection.remove }
    })
    // @ts-expect-error ...is not assignable to parameter of type 'never'.
    Aggregate.execute(Payment.aggregate, "1", { _tag: "Taken" })
  })
})
