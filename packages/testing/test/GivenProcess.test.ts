import * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"
import * as Aggregate from "evolvent/Aggregate"
import * as ProcessManager from "evolvent/ProcessManager"
import { commandTo, events, ExpectationFailed, given } from "@evolvent/testing"
import { describe, expect, it } from "vitest"
import { Account, AccountNotOpen, InsufficientFunds } from "./fixtures/account.ts"
import { Order } from "./fixtures/order.ts"
import { protocol, Reminder, since } from "./fixtures/reminder.ts"

const failureOf = (run: () => unknown): ExpectationFailed => {
  try {
    run()
  } catch (error) {
    if (error instanceof ExpectationFailed) return error
    throw error
  }
  throw new Error("The expectation held.")
}
const messageOf = (run: () => unknown): string => failureOf(run).message

const begun = { _tag: "Begun", owner: "ada" } as const
const warned = (times: number) => ({ _tag: "Warned", times }) as const
const overdue = { _tag: "Overdue", since } as const
const opened = events(Account, "7", [{ _tag: "Opened", owner: "ada" }])
const orderId = Schema.decodeSync(Order.schemas.id)("o-1")
const bonus = commandTo(Account, "7", { _tag: "Deposit", amount: 1 }, { after: "1 day" })
const notOpen = new AccountNotOpen({ status: "closed" })

describe("given(process)", () => {
  it("holds for what the process makes of an observed event, and what it sends", () => {
    given(Reminder)
      .expectState({ owner: "", warnings: 0 })
      .when(opened)
      .expect([begun])
      .expectState({ owner: "ada", warnings: 0 })
      .expectDispatched([bonus, ProcessManager.deadline({ _tag: "Overdue", since }, { after: "14 days" })])
    given(Reminder, [begun]).when(opened).expect([]).expectDispatched([])
  })

  it("decides on several events one after the other", () => {
    const { Closed, Deposited } = { Closed: { _tag: "Closed" }, Deposited: { _tag: "Deposited", amount: 3 } } as const
    given(Reminder, [begun])
      .when(events(Account, "7", [Deposited, Deposited, Closed]))
      .expect([warned(1), warned(2)])
      .expectState({ owner: "ada", warnings: 2 })
      .expectDispatched([
        commandTo(Account, "7", { _tag: "Close" }),
        commandTo(Account, "7/savings", { _tag: "Close" })
      ])
  })

  it("takes the process from correlate, or from its id", () => {
    const created = (correlationId?: string) =>
      events(Order, orderId, [{ _tag: "Created", customer: "ada", at: since }], {
        metadata: correlationId === undefined ? {} : { correlationId }
      })
    given(Reminder).when(created("7")).expect([begun]).expectDispatched([bonus, deadline])
    given(Reminder, [], { id: "7" }).when(created("7")).expect([begun])
    given(Reminder, [], { id: "8" }).when(created("7")).expect([]).expectDispatched([])
    given(Reminder).when(created()).expect([])
    expect(messageOf(() => given(Reminder).when(created()).expect([begun]))).toBe(
      `Expected one event, found no event.

- expected
+ found
- [
-   { _tag: "Begun", owner: "ada" },
- ]
+ []

given(Reminder).when(events(Order, "o-1", [{ _tag: "Created", customer: "ada", at: DateTime.makeUnsafe("2026-01-31T08:00:00.000Z") }]))

correlate says that Created of Order is for no process.`
    )
    const other = messageOf(() => given(Reminder, [], { id: "8" }).when(created("7")).expectDispatched([bonus]))
    expect(other).toContain(`given(Reminder, [], { id: "8" }).when(`)
    expect(other).toContain(`correlate says that Created of Order is for the process "7".`)
  })

  it("holds for what a deadline means", () => {
    given(Reminder, [begun, warned(1)], { id: "7" })
      .whenDeadline({ _tag: "Overdue", since: DateTime.makeUnsafe(0) })
      .expect([warned(2)])
      .expectDispatched([
        commandTo(Account, "7", { _tag: "Close" }),
        commandTo(Account, "7/savings", { _tag: "Close" })
      ])
    given(Reminder).whenDeadline(overdue).expect([]).expectState({ owner: "", warnings: 0 })
  })

  it("holds for what a rejection of a sent command means", () => {
    given(Reminder, [begun], { id: "7" })
      .whenRejected(Account, "Deposit", notOpen)
      .expect([{ _tag: "Refused", why: "ada: AccountNotOpen" }])
      .expectDispatched([])
    const bob = { _tag: "Begun", owner: "bob" } as const
    given(Reminder, [begun, bob, warned(1)])
      .whenRejected(Account, "Deposit", notOpen)
      .expect([{ _tag: "Refused", why: "bob: AccountNotOpen" }])
    given(Reminder, [begun, warned(2)], { id: "7" })
      .whenRejected(Account, "Close", notOpen, { id: "7/savings" })
      .expect([{ _tag: "Refused", why: "ada 7/savings: AccountNotOpen" }])
  })

  it("says which commands there are instead of the rejected one", () => {
    const rejection = new InsufficientFunds({ balance: 0, requested: 1 })
    expect(messageOf(() => given(Reminder).whenRejected(Account, "Deposit", rejection))).toBe(
      `The past of reminder sends no such command: it sends none at all

given(Reminder).whenRejected(Account, "Deposit", new InsufficientFunds({ balance: 0, requested: 1 }))`
    )
    expect(messageOf(() => given(Reminder, [begun], { id: "7" }).whenRejected(Account, "Close", notOpen))).toContain(
      `The past of reminder sends no such command: [
  commandTo(Account, "7", { _tag: "Deposit", amount: 1 }, { after: Duration.millis(86400000) }),
]`
    )
    const both = messageOf(() => given(Reminder, [begun, warned(2)]).whenRejected(Account, "Close", notOpen))
    expect(both).toContain("The past of reminder sends 2 such commands at once, and { id } tells them apart: [")
    expect(both).toContain(`commandTo(Account, "1/savings", { _tag: "Close" }),`)
    const none = messageOf(() =>
      given(Reminder, [begun, warned(2)]).whenRejected(Account, "Close", notOpen, { id: "9" })
    )
    expect(none).toContain(`.whenRejected(Account, "Close", new AccountNotOpen({ status: "closed" }), { id: "9" })`)
  })

  it("shows how what is sent differs", () => {
    const failure = failureOf(() =>
      given(Reminder)
        .when(opened)
        .expectDispatched([commandTo(Account, "7", { _tag: "Deposit", amount: 2 }, { after: "1 day" }), deadline])
    )
    expect(failure.message).toBe(`reminder sends something else than expected.

- expected
+ found
  [
-   commandTo(Account, "7", { _tag: "Deposit", amount: 2 }, { after: Duration.millis(86400000) }),
+   commandTo(Account, "7", { _tag: "Deposit", amount: 1 }, { after: Duration.millis(86400000) }),
    ProcessManager.deadline({ _tag: "Overdue", since: DateTime.makeUnsafe("2026-01-31T08:00:00.000Z") }, { after: Duration.millis(1209600000) }),
  ]

given(Reminder).when(events(Account, "7", [{ _tag: "Opened", owner: "ada" }]))`)
    expect(failure.stack?.split("\n").find((line) => line.trim().startsWith("at "))).toContain("GivenProcess.test.ts")
    const differs = (...expected: Parameters<ReturnType<typeof sent>["expectDispatched"]>[0]) =>
      messageOf(() => sent().expectDispatched(expected))
    const sent = () => given(Reminder).when(opened)
    const later = { after: "3 weeks" } as const
    expect(differs(bonus, ProcessManager.deadline(overdue, later))).toContain("something else than expected")
    expect(
      differs(bonus, ProcessManager.deadline({ ...overdue, since: DateTime.nowUnsafe() }, { after: "14 days" }))
    ).toContain("something else")
    expect(differs(deadline, bonus)).toContain("something else")
    expect(differs(commandTo(Account, "8", { _tag: "Deposit", amount: 1 }, { after: "1 day" }), deadline)).toContain(
      `-   commandTo(Account, "8"`
    )
    expect(differs(bonus)).toContain("something else")
    const nothing = messageOf(() => given(Reminder, [begun]).when(opened).expectDispatched([bonus]))
    expect(nothing).toContain("reminder sends something else than expected, for nothing happened.")
  })

  it("shows how events and states differ", () => {
    expect(
      messageOf(() =>
        given(Reminder)
          .when(opened)
          .expect([warned(1)])
      )
    ).toContain("Expected one event, found another.")
    expect(messageOf(() => given(Reminder).when(opened).expectState({ owner: "bo", warnings: 0 }))).toContain(
      `[{ _tag: "Begun", owner: "ada" }] makes another state than expected.`
    )
    expect(messageOf(() => given(Reminder, [begun]).expectState({ owner: "bo", warnings: 0 }))).toContain(
      "The past of reminder makes another state than expected."
    )
    const unhandled = events(Account, "7", [{ _tag: "Closed" }])
    expect(messageOf(() => given(Reminder).when(unhandled).expect([begun]))).toContain(
      "reminder has no handler for Closed of Account."
    )
  })

  it("refuses what cannot have happened, or cannot be stored or sent", () => {
    const Unobserved = Aggregate.make("Other", {
      command: Schema.TaggedUnion({ Go: {} }),
      event: Schema.TaggedUnion({ Gone: {} }),
      state: Schema.Null,
      initial: null
    })({ decide: () => [], evolve: (state) => state })
    expect(messageOf(() => given(Reminder).when(events(Unobserved, "1", [{ _tag: "Gone" }])))).toContain(
      "reminder does not observe Other."
    )
    expect(messageOf(() => given(Reminder, [warned(0)]).when(opened))).toContain(
      `The given { _tag: "Warned", times: 0 } cannot have happened: its schema refuses it`
    )
    expect(messageOf(() => given(Reminder).whenDeadline({ _tag: "Overdue" } as never))).toContain(
      "No such deadline comes back: its schema refuses it"
    )
    const Bad = broken({})
    expect(
      messageOf(() =>
        given(Bad)
          .whenDeadline(overdue)
          .expect([warned(-1)])
      )
    ).toContain(`The own event { _tag: "Warned", times: -1 } cannot be stored: its schema refuses it`)
    expect(messageOf(() => given(Bad, [begun]).when(opened).expectDispatched([]))).toContain(
      `commandTo(Account, "7", { _tag: "Deposit", amount: -1 }) cannot be sent: its schema refuses it`
    )
  })

  it("says what a part of it threw", () => {
    const boom = (): never => {
      throw new RangeError("boom")
    }
    expect(messageOf(() => given(broken({ correlate: boom })).when(opened))).toContain(
      "bad.correlate threw: RangeError: boom"
    )
    expect(messageOf(() => given(broken({ decide: boom })).when(opened))).toContain(
      "bad.decide threw: RangeError: boom"
    )
    expect(messageOf(() => given(broken({ deadline: boom })).whenDeadline(overdue))).toContain("bad.deadline threw")
    expect(messageOf(() => given(broken({ evolve: boom }), [begun]).whenDeadline(overdue))).toContain(
      `bad.evolve of { _tag: "Begun", owner: "ada" } threw: RangeError: boom`
    )
    const dispatch = broken({ dispatch: boom })
    expect(messageOf(() => given(dispatch).when(opened).expectDispatched([]))).toContain(
      `bad.dispatch of { _tag: "Begun", owner: "ada" } threw: RangeError: boom`
    )
    const rejected = () => given(broken({ rejected: boom }), [begun]).whenRejected(Account, "Deposit", notOpen)
    expect(messageOf(rejected)).toContain("bad.rejected of Deposit threw: RangeError: boom")
  })
})

const deadline = ProcessManager.deadline(overdue, { after: "2 weeks" })

/** A process that stores and sends what its schemas refuse, with some parts replaced. */
const broken = (parts: {
  readonly correlate?: () => string
  readonly decide?: () => ReadonlyArray<typeof begun>
  readonly deadline?: () => ReadonlyArray<typeof begun>
  readonly evolve?: () => typeof protocol.initial
  readonly dispatch?: () => ReadonlyArray<never>
  readonly rejected?: () => ReadonlyArray<typeof begun>
}) =>
  ProcessManager.make("bad", { ...protocol, observes: [Account], ...pick(parts) })({
    decide: { Opened: parts.decide ?? (() => [begun]) },
    deadline: { Overdue: parts.deadline ?? (() => [warned(-1)]) },
    evolve: parts.evolve ?? ((state) => state),
    dispatch: {
      Begun:
        parts.dispatch ??
        ((_, __, { id }) => [
          Aggregate.command(Account, id, { _tag: "Deposit", amount: -1 }, { rejected: parts.rejected ?? (() => []) })
        ])
    }
  })

const pick = ({ correlate }: { readonly correlate?: () => string }) => (correlate === undefined ? {} : { correlate })
