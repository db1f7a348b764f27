// What the compiler says to mistakes in what a process manager sends.
import * as Effect from "effect/Effect"
import { describe, test } from "tstyche"
import * as Aggregate from "../src/Aggregate.ts"
import * as ProcessManager from "../src/ProcessManager.ts"
import { Account, Order } from "./fixtures.ts"
import { id, paymentStep, right } from "./processFixtures.ts"

const withdraw = { _tag: "Withdraw", amount: 1 } as const

describe("dispatch", () => {
  test("an event of another", () => {
    // @ts-expect-error Object literal may only specify known properties, and 'Withdrawn' does not exist in type
    paymentStep({ ...right, dispatch: { Withdrawn: () => [] } })
    // @ts-expect-error Type '() => never[]' is not assignable to type '"no event of Payment"'.
    paymentStep({ ...right, dispatch: { Taken: () => [], Withdrawn: () => [] } })
  })

  test("a misspelt field of the event", () => {
    // @ts-expect-error Property 'amont' does not exist on type '{ readonly _tag: "Started";
    paymentStep({ ...right, dispatch: { Started: ({ amont }) => [] } })
  })

  test("an Effect", () => {
    // @ts-expect-error Type 'Effect<never[], never, never>' is missing the following properties from type 'readonly Dispatched<
    paymentStep({ ...right, dispatch: { Taken: () => Effect.succeed([]) } })
    // @ts-expect-error Type 'Effect<Executed<...is not assignable to type
    paymentStep({ ...right, dispatch: { Taken: () => [Aggregate.execute(Order, "1", { _tag: "Close" })] } })
  })

  test("a bare command", () => {
    // @ts-expect-error Type '"Withdraw"' is not assignable to type '"Command" | "Deadline"'.
    paymentStep({ ...right, dispatch: { Taken: () => [{ _tag: "Withdraw", amount: 1 }] } })
  })

  test("a command that is not in a list", () => {
    // @ts-expect-error Type 'Command<never>' is missing the following properties from type 'readonly Dispatched<
    paymentStep({ ...right, dispatch: { Taken: () => Aggregate.command(Order, "1", { _tag: "Close" }) } })
  })

  test("a handler that returns nothing", () => {
    // @ts-expect-error ...Type 'void' is not assignable to type 'readonly Dispatched<
    paymentStep({ ...right, dispatch: { Taken: () => {} } })
  })
})

describe("a command", () => {
  test("without an answer to a rejection", () => {
    // @ts-expect-error Expected 4 arguments, but got 3.
    paymentStep({ ...right, dispatch: { Taken: () => [Aggregate.command(Account, id, withdraw)] } })
    paymentStep({
      ...right,
      // @ts-expect-error ...Property 'rejected' is missing in type '{ after: "1 day"; }' but required in type
      dispatch: { Taken: () => [Aggregate.command(Account, id, withdraw, { after: "1 day" })] }
    })
  })

  test("with an answer where nobody rejects", () => {
    paymentStep({
      ...right,
      dispatch: {
        // @ts-expect-error Object literal may only specify known properties, and 'rejected' does not exist in type '{ readonly after?: Input; }'.
        Taken: () => [Aggregate.command(Order, "1", { _tag: "Close" }, { rejected: () => [] })]
      }
    })
  })

  test("of another aggregate", () => {
    // @ts-expect-error Type '"Withdraw"' is not assignable to type '"Create" | "Pay" | "Close"'.
    paymentStep({ ...right, dispatch: { Taken: () => [Aggregate.command(Order, "1", { _tag: "Withdraw" })] } })
  })

  test("to an id of another kind", () => {
    paymentStep({
      ...right,
      dispatch: {
        // @ts-expect-error Argument of type 'string' is not assignable to parameter of type 'string & Brand<"AccountId">'.
        Taken: () => [Aggregate.command(Account, "ada", withdraw, { rejected: () => [] })]
      }
    })
  })

  test("answered by no own event", () => {
    paymentStep({
      ...right,
      dispatch: {
        // @ts-expect-error Type '"Faild"' is not assignable to type '"Started" | "Taken" | "Failed"'. Did you mean '"Failed"'?
        Taken: () => [Aggregate.command(Account, id, withdraw, { rejected: () => [{ _tag: "Faild", reason: "" }] })]
      }
    })
  })

  test("answered with a misspelt field", () => {
    paymentStep({
      ...right,
      dispatch: {
        // @ts-expect-error Object literal may only specify known properties, but 'reasn' does not exist in type...Did you mean to write 'reason'?
        Taken: () => [Aggregate.command(Account, id, withdraw, { rejected: () => [{ _tag: "Failed", reasn: "" }] })]
      }
    })
  })

  test("answered from a field that not every rejection has", () => {
    paymentStep({
      ...right,
      dispatch: {
        // @ts-expect-error Property 'balance' does not exist on type 'AccountNotOpen | InsufficientFunds'.
        Taken: () => [Aggregate.command(Account, id, withdraw, { rejected: ({ balance }) => [] })]
      }
    })
  })

  test("due at no time", () => {
    paymentStep({
      ...right,
      dispatch: {
        // @ts-expect-error Type '"1 dya"' is not assignable to type 'Input | undefined'.
        Taken: () => [Aggregate.command(Order, "1", { _tag: "Close" }, { after: "1 dya" })]
      }
    })
  })

  test("made elsewhere, without saying whose it is", () => {
    const take = () =>
      Aggregate.command(Account, id, withdraw, {
        // @ts-expect-error Type '{ _tag: string; reason: string; }' is not assignable to type 'never'.
        rejected: () => [{ _tag: "Failed", reason: "" }]
      })
  })
})

describe("a deadline", () => {
  test("that is not declared", () => {
    paymentStep({
      ...right,
      // @ts-expect-error Type '"Expird"' is not assignable to type '"Expired"'.
      dispatch: { Taken: () => [ProcessManager.deadline({ _tag: "Expird" }, { after: "1 hour" })] }
    })
  })

  test("due at no time", () => {
    paymentStep({
      ...right,
      // @ts-expect-error Type '"1 huor"' is not assignable to type 'Input'.
      dispatch: { Taken: () => [ProcessManager.deadline({ _tag: "Expired" }, { after: "1 huor" })] }
    })
    // @ts-expect-error Expected 2 arguments, but got 1.
    paymentStep({ ...right, dispatch: { Taken: () => [ProcessManager.deadline({ _tag: "Expired" })] } })
  })
})
