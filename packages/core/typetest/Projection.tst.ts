// What the compiler says to mistakes in a projection.
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, test } from "tstyche"
import * as Projection from "../src/Projection.ts"
import { aBalance, Account, balanceProtocol, BalanceRow, Order } from "./fixtures.ts"

const started = Projection.make("balances", { ...balanceProtocol, initial: aBalance })
const unstarted = Projection.make("balances", balanceProtocol)

const ActivityRow = Schema.Struct({ count: Schema.Int, lastBy: Schema.String })
const activity = Projection.make("activity", {
  from: [Account, Order],
  row: ActivityRow,
  initial: { count: 0, lastBy: "" },
  indexes: ["count"]
})

describe("the protocol", () => {
  test("an index on no field", () => {
    Projection.make("balances", {
      from: [Account],
      row: BalanceRow,
      // @ts-expect-error Type '"ownr"' is not assignable to type 'IndexKey<{...Did you mean '"owner"'?
      indexes: ["ownr"]
    })
  })

  test("an index on a list", () => {
    Projection.make("balances", {
      from: [Account],
      row: BalanceRow,
      // @ts-expect-error Type '"tags"' is not assignable to type 'IndexKey<{
      indexes: ["owner", "tags"]
    })
  })

  test("no source", () => {
    Projection.make("balances", {
      // @ts-expect-error Type '[]' is not assignable to type 'readonly [Any, ...Any[]]'.
      from: [],
      row: BalanceRow
    })
  })

  test("a wrong first row", () => {
    Projection.make("activity", {
      from: [Account],
      row: ActivityRow,
      // @ts-expect-error Type 'number' is not assignable to type 'string'.
      initial: { count: 0, lastBy: 1 }
    })
  })

  test("a row that an Effect would be", () => {
    Projection.make("empty", {
      from: [Account],
      // @ts-expect-error ...Type 'Struct<{}>' is not assignable to type '"a row needs at least one field"'.
      row: Schema.Struct({}),
      initial: {}
    })
  })

  test("a key from a field of one event only", () => {
    Projection.make("activity", {
      from: [Account, Order],
      row: ActivityRow,
      // @ts-expect-error Property 'owner' does not exist on type '{ readonly _tag: "Opened"; readonly owner: string; } |
      key: ({ data }) => data.owner,
      initial: { count: 0, lastBy: "" }
    })
  })
})

describe("the handlers of one aggregate", () => {
  test("for an unknown event", () => {
    started({
      evolve: {
        // @ts-expect-error Object literal may only specify known properties, but 'Depositd' does not exist in type...Did you mean to write 'Deposited'?
        Depositd: () => Projection.remove
      }
    })
  })

  test("with a misspelt field of the event", () => {
    unstarted({
      create: {
        // @ts-expect-error Property 'ownr' does not exist on type '{ readonly _tag: "Opened"; readonly owner: string; }'.
        Opened: ({ ownr }, { recordedAt }) => ({ ...aBalance, owner: ownr, since: recordedAt })
      },
      evolve: {}
    })
  })

  test("with a wrong literal in the row", () => {
    unstarted({
      create: {
        // @ts-expect-error Type '"opn"' is not assignable to type '"open" | "closed"'. Did you mean '"open"'?
        Opened: ({ owner }, { recordedAt }) => ({ owner, balance: 0, since: recordedAt, tags: [], status: "opn" })
      },
      evolve: {
        // @ts-expect-error Type '"closd"' is not assignable to type '"open" | "closed"'. Did you mean '"closed"'?
        Closed: (row) => ({ ...row, status: "closd" })
      }
    })
  })

  test("with a field that the row has not", () => {
    started({
      evolve: {
        // @ts-expect-error Type 'number' is not assignable to type '"no field of the row"'.
        Deposited: (row, { amount }) => ({ ...row, balanse: row.balance + amount })
      }
    })
  })

  test("with a field that the row has not, among handlers that all take arguments", () => {
    started({
      evolve: {
        // @ts-expect-error ...is not assignable to type '{ readonly balanse?: "no field of the row"; }'.
        Deposited: (row, { amount }) => (amount > 0 ? { ...row, balanse: amount } : Projection.remove),
        Withdrawn: (row, { amount }) => ({ ...row, balance: row.balance - amount })
      }
    })
  })

  test("with a field of the row left out", () => {
    unstarted({
      create: {
        // @ts-expect-error Property 'since' is missing in type '{ owner: string; balance: number; tags: never[]; status: "open"; }'
        Opened: ({ owner }) => ({ owner, balance: 0, tags: [], status: "open" })
      },
      evolve: {}
    })
  })

  test("with an Effect", () => {
    started({
      evolve: {
        // @ts-expect-error Type 'Effect<Remove, never, never>' is not assignable to type '{ readonly owner: string;...Remove'.
        Closed: () => Effect.succeed(Projection.remove)
      }
    })
  })

  test("with a promise", () => {
    started({
      evolve: {
        // @ts-expect-error Type 'Promise<{...is not assignable to type '{ readonly owner: string;...Remove'.
        Closed: async (row) => row
      }
    })
  })

  test("that forgets to return", () => {
    started({
      evolve: {
        // @ts-expect-error ...Type 'void' is not assignable to type '{ readonly owner: string;...Remove'.
        Closed: () => {}
      }
    })
  })

  test("that returns undefined to remove", () => {
    started({
      evolve: {
        // @ts-expect-error Type 'undefined' is not assignable to type '{ readonly owner: string;...Remove'.
        Closed: () => undefined
      }
    })
  })

  test("with nothing to begin with", () => {
    // @ts-expect-error ...Property 'create' is missing in type '{ evolve: { Closed: () => Projection.Remove; }; }' but required in type
    unstarted({ evolve: { Closed: () => Projection.remove } })
  })

  test("with two ways to begin", () => {
    started({
      // @ts-expect-error Object literal may only specify known properties, and 'create' does not exist in type '{ readonly evolve: {}
      create: { Opened: () => aBalance },
      evolve: {}
    })
  })
})

describe("what becomes of a row when its stream is removed", () => {
  test("is a row or nothing", () => {
    started({
      evolve: {},
      // @ts-expect-error ...Type '{ owner: string; }' is not assignable to type
      removed: ({ owner }) => ({ owner })
    })
  })

  test("and depends on two types of tombstones", () => {
    started({
      evolve: {},
      // @ts-expect-error This comparison appears to be unintentional because the types '"$archived" | "$deleted"' and '"$gone"' have no overlap.
      removed: (row, { _tag }) => (_tag === "$gone" ? row : Projection.remove)
    })
  })
})

describe("the handlers of several aggregates", () => {
  test("without their names", () => {
    activity({
      evolve: {
        Account: {},
        Order: {},
        // @ts-expect-error Type '() => Projection.Remove' is not assignable to type '"no source of this projection"'.
        Closed: () => Projection.remove
      }
    })
  })

  test("under the other's name", () => {
    activity({
      evolve: {
        Account: {
          // @ts-expect-error Object literal may only specify known properties, and 'Paid' does not exist in type
          Paid: () => Projection.remove
        },
        Order: {}
      }
    })
  })

  test("with one left out", () => {
    activity({
      // @ts-expect-error Property 'Order' is missing in type '{ Account: { Closed: () => Projection.Remove; }; }'
      evolve: { Account: { Closed: () => Projection.remove } }
    })
  })

  test("with a field that the other's event has", () => {
    activity({
      evolve: {
        Account: {
          // @ts-expect-error Property 'by' does not exist on type '{ readonly _tag: "Closed"; }'.
          Closed: (row, { by }) => row
        },
        Order: {
          Closed: (row, { by }) => ({ ...row, lastBy: by })
        }
      }
    })
  })

  test("with a field that the row has not", () => {
    activity({
      evolve: {
        Account: {},
        Order: {
          // @ts-expect-error Type 'string' is not assignable to type '"no field of the row"'.
          Closed: (row, { by }) => ({ ...row, lastBye: by })
        }
      }
    })
  })

  test("with a wrong value in the row", () => {
    activity({
      evolve: {
        Account: {},
        Order: {
          // @ts-expect-error Type 'number' is not assignable to type 'string'.
          Paid: (row, { amount }) => ({ ...row, lastBy: amount })
        }
      }
    })
  })

  test("with nothing to begin with", () => {
    const both = Projection.make("both", { from: [Account, Order], row: ActivityRow })
    both({
      create: { Order: { Created: ({ customer }) => ({ count: 0, lastBy: customer }) } },
      evolve: { Account: {}, Order: {} }
    })
    // @ts-expect-error ...Property 'create' is missing in type '{ evolve: { Account: {}; Order: {}; }; }' but required in type
    both({ evolve: { Account: {}, Order: {} } })
    both({
      create: {
        Order: {
          // @ts-expect-error Object literal may only specify known properties, but 'Creatd' does not exist in type...Did you mean to write 'Created'?
          Creatd: () => ({ count: 0, lastBy: "" })
        }
      },
      evolve: { Account: {}, Order: {} }
    })
  })
})
