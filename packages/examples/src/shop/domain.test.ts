// The checkout: a completed order is billed once, to its customer, and what is too much is left to a person.
import { commandTo, events, given } from "@evolvent/testing"
import { describe, it } from "@effect/vitest"
import { Checkout, most, Order, paymentOf, Request, till } from "./domain.ts"

const id = "1001"
const begun = { _tag: "Begun", customer: "ada" } as const
const billed = { _tag: "Billed", from: "ada", amount: 2034 } as const
const created = events(Order, id, [{ _tag: "Created", customer: "ada" }])
const completed = (total: number) => events(Order, id, [{ _tag: "Completed", products: ["lantern"], total }])

describe("the checkout", () => {
  it("remembers whose order it is", () => {
    given(Checkout).when(created).expect([begun]).expectState({ customer: "ada", isBilled: false })
  })

  it("asks for the payment of a completed order, once", () => {
    given(Checkout, [begun], { id })
      .when(completed(2034))
      .expect([billed])
      .expectDispatched([commandTo(Request, paymentOf(id), { _tag: "Ask", from: "ada", to: till, amount: 2034 })])
    given(Checkout, [begun, billed], { id }).when(completed(2034)).expect([])
  })

  it("asks nobody for more than is paid at once", () => {
    given(Checkout, [begun], { id })
      .when(completed(most + 1))
      .expect([{ _tag: "TooMuch", from: "ada", amount: most + 1 }])
      .expectDispatched([])
  })
})
