// The transfer: every way that it can take, tested without accounts and without waiting.
import { commandTo, events, given, laws } from "@evolvent/testing"
import { describe, it } from "@effect/vitest"
import { ProcessManager } from "evolvent"
import { Account, NotEnough, NotOpen, Request, Transfer } from "./domain.ts"

const id = "t-1"
const money = { from: "ada", to: "bob", amount: 30 }
const part = { transfer: id, amount: 30 }
const started = { _tag: "Started", ...money } as const
const moneyTaken = { _tag: "MoneyTaken", ...money } as const
const gaveBack = (why: string) => ({ _tag: "GaveBack", ...money, why }) as const
const gaveUp = { _tag: "GaveUp", ...money } as const
const failed = (why: string) => ({ _tag: "Failed", why }) as const
const completed = { _tag: "Completed" } as const

const asked = events(Request, id, [{ _tag: "Asked", ...money }])
const reserved = events(Account, "ada", [{ _tag: "Reserved", ...part }])
const credited = events(Account, "bob", [{ _tag: "Credited", ...part }])
const refunded = events(Account, "ada", [{ _tag: "Refunded", ...part }])
const tooLate = { _tag: "TakingIsLate" } as const

const answer = (outcome: string) => commandTo(Request, id, { _tag: "Answer", outcome })
const refund = commandTo(Account, "ada", { _tag: "Refund", ...part })

describe("a transfer", () => {
  it("begins with a request: the money is taken, within a minute", () => {
    given(Transfer)
      .when(asked)
      .expect([started])
      .expectState({ _tag: "Taking", ...money })
      .expectDispatched([
        commandTo(Account, "ada", { _tag: "Reserve", ...part }),
        ProcessManager.deadline(tooLate, { after: "1 minute" })
      ])
    given(Transfer, [started]).when(asked).expect([])
  })

  it("delivers what was taken, and says so", () => {
    given(Transfer, [started])
      .when(reserved)
      .expect([moneyTaken])
      .expectDispatched([commandTo(Account, "bob", { _tag: "Credit", ...part })])
    given(Transfer, [started, moneyTaken])
      .when(credited)
      .expect([completed])
      .expectDispatched([answer("done")])
      .expectState({ _tag: "Done" })
  })

  it("ends where the first account refuses", () => {
    given(Transfer, [started], { id })
      .whenRejected(Account, "Reserve", new NotEnough({ balance: 10 }))
      .expect([failed("NotEnough")])
      .expectDispatched([answer("NotEnough")])
  })

  it("gives the money back where the second account refuses", () => {
    given(Transfer, [started, moneyTaken], { id })
      .whenRejected(Account, "Credit", new NotOpen())
      .expect([gaveBack("NotOpen")])
      .expectDispatched([refund])
    given(Transfer, [started, moneyTaken, gaveBack("NotOpen")])
      .when(refunded)
      .expect([failed("NotOpen")])
      .expectDispatched([answer("NotOpen")])
  })

  it("is a case for a person when the money can go nowhere", () => {
    given(Transfer, [started, moneyTaken, gaveBack("NotOpen")], { id })
      .whenRejected(Account, "Refund", new NotOpen())
      .expect([{ _tag: "Stranded", why: "NotOpen" }])
      .expectDispatched([answer("stranded")])
  })

  it("gives up on a silent account, and gives back what that takes later", () => {
    given(Transfer, [started], { id })
      .whenDeadline(tooLate)
      .expect([gaveUp])
      .expectDispatched([answer("too late")])
    given(Transfer, [started, gaveUp])
      .when(reserved)
      .expect([gaveBack("too late")])
      .expectDispatched([refund])
    given(Transfer, [started, gaveUp], { id })
      .whenRejected(Account, "Reserve", new NotOpen())
      .expect([failed("NotOpen")])
      .expectState({ _tag: "Done" })
  })

  it("does not give up what is on its way or done", () => {
    given(Transfer, [started, moneyTaken]).whenDeadline(tooLate).expect([]).expectDispatched([])
    given(Transfer, [started, moneyTaken, completed]).whenDeadline(tooLate).expect([])
  })

  it("knows its own movements from those of others", () => {
    const other = events(Account, "ada", [{ _tag: "Reserved", transfer: "t-2", amount: 5 }])
    given(Transfer, [started], { id }).when(other).expect([])
    given(Transfer)
      .when(events(Account, "ada", [{ _tag: "Opened", balance: 100 }]))
      .expect([])
  })
})

describe("the accounts and the request", () => {
  it("an account gives what it has", () => {
    const opened = { _tag: "Opened", balance: 100 } as const
    given(Account, [opened])
      .when({ _tag: "Reserve", ...part })
      .expect([{ _tag: "Reserved", ...part }])
      .expectState({ isOpen: true, balance: 70 })
    given(Account, [opened])
      .when({ _tag: "Reserve", transfer: id, amount: 101 })
      .expectRejection("NotEnough", { balance: 100 })
    given(Account)
      .when({ _tag: "Credit", ...part })
      .expectRejection("NotOpen")
  })

  it("a request is answered once", () => {
    given(Request, [
      { _tag: "Asked", ...money },
      { _tag: "Answered", outcome: "done" }
    ])
      .when({ _tag: "Answer", outcome: "too late" })
      .expect([])
  })

  for (const law of [...laws(Account), ...laws(Request)]) it.effect(law.name, () => law.check)
})
