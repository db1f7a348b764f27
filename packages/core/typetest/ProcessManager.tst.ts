// What the compiler says to mistakes in a process manager.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, test } from "tstyche"
import * as ProcessManager from "../src/ProcessManager.ts"
import { Account, Order } from "./fixtures.ts"
import { id, paymentStep, protocol, right } from "./processFixtures.ts"

const small = {
  event: Schema.TaggedUnion({ Begun: {} }),
  state: Schema.Null,
  initial: null
} as const
const ofOrder = ProcessManager.make("Small", { ...small, observes: [Order], correlate: ({ streamId }) => streamId })

describe("the protocol", () => {
  test("observes nothing", () => {
    // @ts-expect-error Type '[]' is not assignable to type 'readonly [Any, ...Any[]]'.
    ProcessManager.make("Small", { ...small, observes: [], correlate: () => "" })
  })

  test("a wrong first state", () => {
    // @ts-expect-error Type '"Idl"' is not assignable to type '"Idle" | "Taking" | "Done"'. Did you mean '"Idle"'?
    ProcessManager.make("Payment", { ...protocol, initial: { _tag: "Idl" }, observes: [Order], correlate: () => "" })
  })

  test("an id from a field of one event only", () => {
    ProcessManager.make("Small", {
      ...small,
      observes: [Order, Account],
      // @ts-expect-error Property 'owner' does not exist on type '{ readonly _tag: "Created"; readonly customer: string; } |
      correlate: ({ data }) => data.owner
    })
  })

  test("an id that is no text", () => {
    // @ts-expect-error Type 'Revision' is not assignable to type 'string | undefined'.
    ProcessManager.make("Small", { ...small, observes: [Order], correlate: ({ revision }) => revision })
  })

  test("a deadline with the tag of an own event", () => {
    ProcessManager.make("Small", {
      ...small,
      observes: [Order],
      correlate: () => "",
      // @ts-expect-error ...Type 'TaggedUnion<{ readonly Begun: TaggedStruct<"Begun", {}>; }>' is not assignable to type '"a deadline has the tag of an own event"'.
      deadline: Schema.TaggedUnion({ Begun: {} })
    })
  })
})

describe("decide", () => {
  test("an unknown event", () => {
    paymentStep({
      ...right,
      decide: {
        Account: {},
        Order: {
          // @ts-expect-error Object literal may only specify known properties, and 'Payd' does not exist in type
          Payd: () => []
        }
      }
    })
  })

  test("an unknown event beside a known one", () => {
    paymentStep({
      ...right,
      decide: {
        Account: {},
        Order: {
          Paid: () => [],
          // @ts-expect-error Type '() => never[]' is not assignable to type '"no event of Order"'.
          Payd: () => []
        }
      }
    })
  })

  test("an unknown event of the only aggregate", () => {
    ofOrder({
      decide: {
        // @ts-expect-error Object literal may only specify known properties, and 'Payd' does not exist in type
        Payd: () => []
      },
      evolve: { Begun: () => null },
      dispatch: {}
    })
  })

  test("an aggregate left out", () => {
    // @ts-expect-error Property 'Account' is missing in type '{ Order: {}; }' but required in type
    paymentStep({ ...right, decide: { Order: {} } })
  })

  test("without the names of several aggregates", () => {
    // @ts-expect-error Type '() => never[]' is not assignable to type '"not observed by this process"'.
    paymentStep({ ...right, decide: { ...right.decide, Paid: () => [] } })
  })

  test("a wrong tag", () => {
    // @ts-expect-error Type '"Startd"' is not assignable to type '"Started" | "Taken" | "Failed"'. Did you mean '"Started"'?
    paymentStep({ ...right, decide: { Account: {}, Order: { Paid: () => [{ _tag: "Startd", account: id }] } } })
  })

  test("a misspelt field of an own event", () => {
    paymentStep({
      ...right,
      decide: {
        Account: {},
        Order: {
          // @ts-expect-error Object literal may only specify known properties, but 'amunt' does not exist in type...Did you mean to write 'amount'?
          Paid: ({ amount }) => [{ _tag: "Started", account: id, amunt: amount }]
        }
      }
    })
  })

  test("a misspelt field of the observed event", () => {
    // @ts-expect-error Property 'amont' does not exist on type '{ readonly _tag: "Paid"; readonly amount: number; }'.
    paymentStep({ ...right, decide: { Account: {}, Order: { Paid: ({ amont }) => [] } } })
  })

  test("an event that is not in a list", () => {
    // @ts-expect-error Type '{ _tag: string; }' is missing the following properties from type 'readonly (
    paymentStep({ ...right, decide: { Account: {}, Order: { Paid: () => ({ _tag: "Taken" }) } } })
  })

  test("a handler that returns nothing", () => {
    // @ts-expect-error ...Type 'void' is not assignable to type 'readonly (
    paymentStep({ ...right, decide: { Account: {}, Order: { Paid: () => {} } } })
  })

  test("an Effect", () => {
    // @ts-expect-error Type 'Effect<never[], never, never>' is missing the following properties from type 'readonly (
    paymentStep({ ...right, decide: { Account: {}, Order: { Paid: () => Effect.succeed([]) } } })
  })
})

describe("evolve", () => {
  test("a missing handler", () => {
    // @ts-expect-error Property 'Failed' is missing in type '{ Started:
    paymentStep({ ...right, evolve: { Started: right.evolve.Started, Taken: right.evolve.Taken } })
  })

  test("a handler of no own event", () => {
    // @ts-expect-error ...is not assignable to type '"no event of Payment"'.
    paymentStep({ ...right, evolve: { ...right.evolve, Withdrawn: right.evolve.Taken } })
  })

  test("a wrong literal", () => {
    // @ts-expect-error Type '"Don"' is not assignable to type '"Idle" | "Taking" | "Done"'. Did you mean '"Done"'?
    paymentStep({ ...right, evolve: { ...right.evolve, Taken: () => ({ _tag: "Don" }) } })
  })
})

describe("deadlines", () => {
  test("without handlers", () => {
    // @ts-expect-error Property 'deadline' is missing in type '{ decide: { readonly Order: {}; readonly Account: {}; };
    paymentStep({ decide: right.decide, evolve: right.evolve, dispatch: right.dispatch })
  })

  test("with one left out", () => {
    // @ts-expect-error Property 'Expired' is missing in type '{}' but required in type
    paymentStep({ ...right, deadline: {} })
  })

  test("an unknown one", () => {
    // @ts-expect-error Type '() => never[]' is not assignable to type '"no deadline of Payment"'.
    paymentStep({ ...right, deadline: { Expired: () => [], Late: () => [] } })
  })

  test("a wrong tag", () => {
    // @ts-expect-error Type '"Faild"' is not assignable to type '"Started" | "Taken" | "Failed"'. Did you mean '"Failed"'?
    paymentStep({ ...right, deadline: { Expired: () => [{ _tag: "Faild", reason: "" }] } })
  })

  test("handlers where there are no deadlines", () => {
    ofOrder({
      decide: {},
      evolve: { Begun: () => null },
      dispatch: {},
      // @ts-expect-error Object literal may only specify known properties, and 'deadline' does not exist in type
      deadline: {}
    })
  })

  test("sent where there are none", () => {
    ofOrder({
      decide: {},
      evolve: { Begun: () => null },
      dispatch: {
        // @ts-expect-error Argument of type '{ _tag: string; }' is not assignable to parameter of type 'never'.
        Begun: () => [ProcessManager.deadline({ _tag: "Expired" }, { after: "1 hour" })]
      }
    })
  })
})
