import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { it as effectIt } from "@effect/vitest"
import * as Projection from "evolvent/Projection"
import { checkAll, events, given, laws } from "@evolvent/testing"
import type { StreamEvents } from "@evolvent/testing"
import { describe, expect, it } from "vitest"
import { Account, Balances } from "./fixtures/account.ts"
import { brokenOf, onlyBroken, quietly } from "./fixtures/broken.ts"
import { Names } from "./fixtures/order.ts"

const protocol = () => ({ from: [Account], row: Schema.Struct({ count: Schema.Int }), initial: { count: 0 } }) as const
type Row = { readonly count: number }
const counted = ({ count }: Row): Row => ({ count: count + 1 })

describe("laws(Balances)", () => {
  for (const law of laws(Balances)) effectIt.effect(law.name, () => law.check)
})
describe("laws(Names), of two sources", () => {
  for (const law of laws(Names)) effectIt.effect(law.name, () => law.check)
})

describe("the report", () => {
  it("counts the events that are handled", () => {
    const reports = quietly(checkAll(laws(Names)))
    expect(reports.length).toBe(7)
    const report = reports.at(-1)
    expect(Object.keys(report?.events ?? {}).sort()).toEqual([
      "Account.Closed",
      "Account.Opened",
      "Order.Closed",
      "Order.Created",
      "Order.ItemAdded"
    ])
    expect(report?.histories).toBe(50)
    expect(report?.commands.byTag["Order.AddItem"]).toBeGreaterThan(10)
  })

  it("is the same for the same seed", () => {
    const report = (seed: number) => JSON.stringify(quietly(checkAll(laws(Balances, { seed, runs: 20 }))))
    expect(report(5)).toBe(report(5))
    expect(report(5)).not.toBe(report(6))
  })

  it("takes less than a second", () => {
    // The fastest of three: a busy machine is no news of the laws.
    const times = [0, 1, 2].map(() => {
      const start = performance.now()
      quietly(checkAll(laws(Names)))
      return performance.now() - start
    })
    expect(Math.min(...times)).toBeLessThan(1000)
  })
})

describe("keys and handlers never throw", () => {
  it("finds a handler that throws, and the shortest way to it", () => {
    const Fragile = Projection.make(
      "fragile",
      protocol()
    )({
      evolve: {
        Deposited: counted,
        Closed: (row) => {
          if (row.count > 0) throw new RangeError("no such thing")
          return row
        }
      }
    })
    const { failure, law } = onlyBroken(laws(Fragile))
    expect(law).toBe("keys and handlers never throw")
    expect(failure.problem).toBe(`The handler of Account.Closed in "fragile" threw RangeError: no such thing`)
    expect(failure.example).toBe(`given(Fragile, [
  events(Account, "1", [
    { _tag: "Opened", owner: "" },
    { _tag: "Deposited", amount: 1 },
    { _tag: "Withdrawn", amount: 1 },
    { _tag: "Closed" }
  ])
])`)
    const pasted = new Function("given", "events", "Fragile", "Account", `return ${failure.example}.expectNoRow("1")`)
    expect(() => pasted(given, events, Fragile, Account)).toThrow("no such thing")
  })

  it("finds a key that throws, or is none", () => {
    const Keyless = Projection.make("keyless", {
      ...protocol(),
      key: (event) => {
        if (event.type === "Opened" && event.data.owner === "") throw new RangeError("nobody")
        return event.streamId
      }
    })({ evolve: { Opened: counted } })
    const { failure } = onlyBroken(laws(Keyless))
    expect(failure.problem).toBe(`The key of "keyless" threw RangeError: nobody`)
    const Numbers = Projection.make("numbers", { ...protocol(), key: () => [7] as never })({
      evolve: { Opened: counted }
    })
    expect(onlyBroken(laws(Numbers)).failure.problem).toBe(`The key of "numbers" returned [7], not only texts`)
  })
})

describe("keys and handlers are deterministic", () => {
  it("finds a clock in a handler", () => {
    const Clocked = Projection.make("clocked", protocol())({ evolve: { Opened: () => ({ count: Date.now() }) } })
    const { failure, law } = onlyBroken(laws(Clocked))
    expect(law).toBe("keys and handlers are deterministic")
    expect(failure.problem).toContain("Date.now() was asked")
    expect(failure.problem).toContain("recordedAt")
    expect(failure.example).toBe(`given(Clocked, [events(Account, "1", [{ _tag: "Opened", owner: "" }])])`)
  })

  it("finds chance in a key", () => {
    const Dice = Projection.make("dice", { ...protocol(), key: () => String(Math.random()) })({
      evolve: { Opened: counted }
    })
    expect(onlyBroken(laws(Dice)).failure.problem).toContain(`The key of "dice" is not pure: ImpureCall: Math.random()`)
  })

  it("finds a counter outside of the rows", () => {
    let total = 0
    const Outside = Projection.make("outside", protocol())({ evolve: { Deposited: () => ({ count: (total += 1) }) } })
    const { failure, law } = onlyBroken(laws(Outside))
    expect(law).toBe("keys and handlers are deterministic")
    expect(failure.problem).toMatch(/returned { count: \d+ } at first, and { count: \d+ } when called again/)
  })
})

describe("keys and handlers change nothing they are given", () => {
  it("finds a handler that changes its row, or the event", () => {
    const Writing = Projection.make(
      "writing",
      protocol()
    )({
      evolve: {
        Opened: (row) => {
          Object.assign(row, { count: 5 })
          return row
        }
      }
    })
    expect(onlyBroken(laws(Writing)).law).toBe("keys and handlers change nothing they are given")
    const Rewriting = Projection.make(
      "rewriting",
      protocol()
    )({
      evolve: {
        Opened: (row, event) => {
          Object.assign(event, { owner: "me" })
          return row
        }
      }
    })
    const { failure } = onlyBroken(laws(Rewriting))
    expect(failure.problem).toContain(
      `The handler of Account.Opened in "rewriting" tried to change what it was given: TypeError`
    )
  })
})

// Stores tens only.
const Tens = Schema.Int.pipe(
  Schema.decodeTo(
    Schema.Int,
    SchemaTransformation.transform({ decode: (tens) => tens * 10, encode: (n) => Math.floor(n / 10) })
  )
)

describe("rows can be stored and come back equal", () => {
  it("finds a lossy codec", () => {
    const Lossy = Projection.make("lossy", { ...protocol(), row: Schema.Struct({ count: Tens }) })({
      evolve: { Opened: counted }
    })
    const broken = brokenOf(laws(Lossy))
    const failure = broken.get("lossy: rows can be stored and come back equal")
    expect(failure?.problem).toBe("The row { count: 1 } comes back from the store as { count: 0 }")
    expect(failure?.example).toBe(
      `given(Lossy, [events(Account, "1", [{ _tag: "Opened", owner: "" }])]).expectRow("1", { count: 1 })`
    )
  })

  it("finds a row that its schema refuses", () => {
    const Halves = Projection.make("halves", protocol())({ evolve: { Opened: () => ({ count: 0.5 }) } })
    const { failure, law } = onlyBroken(laws(Halves))
    expect(law).toBe("rows can be stored and come back equal")
    expect(failure.problem).toContain("The row { count: 0.5 } cannot be stored and read: its schema refuses it")
  })
})

describe("batches", () => {
  it("finds rows that remember more than their schema says", () => {
    const Hidden = Projection.make(
      "hidden",
      protocol()
    )({
      evolve: {
        Deposited: (row) => {
          const seen = "seen" in row ? 1 : 0
          const next = { count: row.count + seen, seen: true }
          return next as Row
        }
      }
    })
    const broken = brokenOf(laws(Hidden))
    expect([...broken.keys()]).toEqual([
      "hidden: events in any batches make what Projection.fold makes",
      "hidden: batches that come again change nothing"
    ])
    const failure = [...broken.values()][0]
    expect(failure?.problem).toBe(
      `The row at "1" is { count: 1, seen: true } by Projection.fold, but { count: 0 } when the processor gets the events in batches of 1, 1, 1`
    )
    expect(failure?.found).toMatch(/to 3 commands\.$/)
  })

  it("finds a handler that counts what comes again", () => {
    // Twice in a row it gives the same, so that only a repeated batch can tell.
    const counts = new Map<string, number>()
    let calls = 0
    const Counting = Projection.make(
      "counting",
      protocol()
    )({
      evolve: {
        Deposited: (_, _event, { id }) => {
          calls += 1
          const count = counts.get(id) ?? 0
          if (calls % 2 === 0) counts.set(id, count + 1)
          return { count: Math.floor(count / 50) }
        }
      }
    })
    const broken = [...brokenOf(laws(Counting)).keys()]
    expect(broken).toContain("counting: batches that come again change nothing")
  })

  it("holds for rows that are removed and made again", () => {
    const Again = Projection.make("again", { ...protocol(), key: () => ["all", "none"] })({
      evolve: { Deposited: counted, Withdrawn: () => Projection.remove, Closed: () => Projection.remove }
    })
    expect(brokenOf(laws(Again)).size).toBe(0)
  })
})

describe("every handled event is reached", () => {
  const Debts = Projection.make("debts", { from: [Account], row: Schema.Struct({ count: Schema.Int }) })({
    create: { Closed: () => ({ count: 1 }) },
    evolve: { Opened: () => Projection.remove }
  })

  it("fails where none of the few histories reaches it", () => {
    const { failure, law } = onlyBroken(laws(Debts, { runs: 1, maxCommands: 1 }))
    expect(law).toBe("every handled event is reached")
    expect(failure.problem).toMatch(/^Never reached: Account\.Closed\. debts: 1 histories/)
    expect(failure.example).toContain(`laws(…, { unreached: ["Account.Closed"] })`)
    expect(brokenOf(laws(Debts, { runs: 1, maxCommands: 1, unreached: ["Account.Closed"] })).size).toBe(0)
    expect(brokenOf(laws(Debts, { runs: 1, maxCommands: 1, unreached: ["Closed"] })).size).toBe(0)
    expect(() => laws(Debts, { unreached: ["Closd"] })).toThrow(`"debts" handles no event "Closd"`)
  })

  it("takes a past from the user, and shrinks it event by event", () => {
    const past: Arbitrary.Arbitrary<ReadonlyArray<StreamEvents>> = Arbitrary.Constant([
      events(Account, "9", [{ _tag: "Deposited", amount: 4 }, { _tag: "Opened", owner: "x" }, { _tag: "Closed" }])
    ])
    expect(brokenOf(laws(Debts, { events: past, runs: 3 })).size).toBe(0)
    const Fragile = Projection.make(
      "fragile",
      protocol()
    )({
      evolve: {
        Deposited: (): Row => {
          throw new Error("no")
        }
      }
    })
    const { failure } = onlyBroken(laws(Fragile, { events: past, runs: 3, unreached: ["Deposited"] }))
    expect(failure.example).toBe(`given(Fragile, [events(Account, "9", [{ _tag: "Deposited", amount: 4 }])])`)
    expect(failure.found).toContain("was shrunk from 3 to 1 event")
  })
})
