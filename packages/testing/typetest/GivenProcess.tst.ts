// What the compiler says to mistakes in tests of a process manager.
import * as Schema from "effect/Schema"
import * as ProcessManager from "evolvent/ProcessManager"
import { describe, expect, test } from "tstyche"
import { commandTo, events, given } from "../src/index.ts"
import type { GivenProcess } from "../src/index.ts"
import { Account, AccountNotOpen } from "../test/fixtures/account.ts"
import { Order } from "../test/fixtures/order.ts"
import { Reminder, since, type protocol } from "../test/fixtures/reminder.ts"

const opened = events(Account, "7", [{ _tag: "Opened", owner: "ada" }])
const whenOpened = given(Reminder).when(opened)
const overdue = { _tag: "Overdue", since } as const

describe("given(process)", () => {
  test("what is inferred", () => {
    expect(given(Reminder)).type.toBe<
      GivenProcess<
        (typeof protocol.event)["Type"],
        { readonly owner: string; readonly warnings: number },
        { readonly _tag: "Overdue"; readonly since: typeof since }
      >
    >()
  })

  test("misspelt events, given and expected", () => {
    // @ts-expect-error Type '"Begn"' is not assignable to type '"Begun" | "Warned" | "Refused"'. Did you mean '"Begun"'?
    given(Reminder, [{ _tag: "Begn", owner: "ada" }])
    // @ts-expect-error Type '"Warnd"' is not assignable to type '"Begun" | "Warned" | "Refused"'. Did you mean '"Warned"'?
    whenOpened.expect([{ _tag: "Warnd", times: 1 }])
  })

  test("an event that says not whose it is", () => {
    // @ts-expect-error Object literal may only specify known properties, and '_tag' does not exist in type 'StreamEvents'.
    given(Reminder).when({ _tag: "Opened", owner: "ada" })
  })

  test("an unknown deadline", () => {
    // @ts-expect-error Type '"Overdu"' is not assignable to type '"Overdue"'.
    given(Reminder).whenDeadline({ _tag: "Overdu", since })
    const Plain = ProcessManager.make("Plain", {
      observes: [Account],
      correlate: ({ streamId }) => streamId,
      event: Schema.TaggedUnion({ Begun: {} }),
      state: Schema.Null,
      initial: null
    })({ decide: {}, evolve: { Begun: () => null }, dispatch: {} })
    // @ts-expect-error Argument of type '{ readonly _tag: "Overdue"; readonly since: Utc; }' is not assignable to parameter of type 'never'.
    given(Plain).whenDeadline(overdue)
  })

  test("a rejection that cannot be", () => {
    const notOpen = new AccountNotOpen({ status: "closed" })
    given(Reminder).whenRejected(Account, "Close", notOpen)
    // @ts-expect-error Argument of type '"Clos"' is not assignable to parameter of type '"Open" | "Deposit" | "Withdraw" | "Close"'.
    given(Reminder).whenRejected(Account, "Clos", notOpen)
    // @ts-expect-error Argument of type 'AccountNotOpen' is not assignable to parameter of type
    given(Reminder).whenRejected(Order, "Cancel", notOpen)
  })

  test("commands that nobody takes", () => {
    // @ts-expect-error Type '"Clos"' is not assignable to type '"Open" | "Deposit" | "Withdraw" | "Close"'. Did you mean '"Close"'?
    whenOpened.expectDispatched([commandTo(Account, "7", { _tag: "Clos" })])
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'string & Brand<"OrderId">'.
    commandTo(Order, "o-1", { _tag: "RemoveItem", sku: "a" })
    // @ts-expect-error Type '"Overdu"' is not assignable to type '"Overdue"'.
    whenOpened.expectDispatched([ProcessManager.deadline({ _tag: "Overdu", since }, { after: "1 day" })])
  })

  test("options where there are none", () => {
    given(Reminder, [], { id: "7" })
    // @ts-expect-error Argument of type '{ id: string; }' is not assignable to parameter of type 'undefined'.
    given(Account, [], { id: "7" })
  })
})
