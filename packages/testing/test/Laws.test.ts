import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { it as effectIt } from "@effect/vitest"
import * as Aggregate from "evolvent/Aggregate"
import { checkAll, given, laws } from "@evolvent/testing"
import { describe, expect, it } from "vitest"
import { Account, AccountCommand, AccountEvent, AccountState } from "./fixtures/account.ts"
import { brokenOf, onlyBroken, quietly } from "./fixtures/broken.ts"
import { Order } from "./fixtures/order.ts"

const protocol = {
  command: Schema.TaggedUnion({ Add: { by: Schema.Int }, Reset: {} }),
  event: Schema.TaggedUnion({ Added: { by: Schema.Int }, WasReset: {} }),
  state: Schema.Struct({ total: Schema.Int }),
  initial: { total: 0 }
}
const soundDecide = {
  Add: ({ by }: { readonly by: number }) => [{ _tag: "Added", by }] as const,
  Reset: () => [{ _tag: "WasReset" }] as const
}
const soundEvolve = {
  Added: ({ total }: { readonly total: number }, { by }: { readonly by: number }) => ({ total: total + by }),
  WasReset: () => ({ total: 0 })
}

describe("laws(Account)", () => {
  for (const law of laws(Account)) effectIt.effect(law.name, () => law.check)
})
describe("laws(Order)", () => {
  for (const law of laws(Order)) effectIt.effect(law.name, () => law.check)
})

describe("the report", () => {
  it("counts commands, rejections and events", () => {
    const reports = quietly(checkAll(laws(Account)))
    expect(reports.length).toBe(7)
    const report = reports[6]
    expect(report?.subject).toBe("Account")
    expect(report?.histories).toBe(100)
    expect(Object.keys(report?.events ?? {}).sort()).toEqual(["Closed", "Deposited", "Opened", "Withdrawn"])
    expect(Math.min(...Object.values(report?.events ?? {}))).toBeGreaterThan(10)
    expect(Object.keys(report?.rejections ?? {}).sort()).toEqual([
      "AccountNotOpen",
      "AlreadyOpened",
      "InsufficientFunds"
    ])
    expect(report?.commands.accepted).toBeGreaterThan(report?.commands.rejected ?? 0)
  })

  it("is the same for the same seed, and another for another", () => {
    const report = (seed: string | number) => JSON.stringify(quietly(checkAll(laws(Account, { seed }))).at(-1))
    expect(report(7)).toBe(report(7))
    expect(report(7)).not.toBe(report(8))
    expect(report("nightly")).toBe(report("nightly"))
  })

  it("is made of as many histories as asked for", () => {
    const [report] = quietly(checkAll(laws(Account, { runs: 20, maxCommands: 5, seed: 3 })))
    expect(report?.histories).toBe(20)
    expect((report?.commands.accepted ?? 0) + (report?.commands.rejected ?? 0)).toBeLessThanOrEqual(100)
  })

  it("takes less than a second", () => {
    // The fastest of three: a busy machine is no news of the laws.
    const times = [0, 1, 2].map(() => {
      const start = performance.now()
      quietly(checkAll(laws(Order)))
      return performance.now() - start
    })
    expect(Math.min(...times)).toBeLessThan(1000)
  })
})

describe("decide and evolve never throw", () => {
  const name = "decide and evolve never throw"

  it("finds a decide that throws, and the shortest way to it", () => {
    const Fragile = Aggregate.make(
      "Fragile",
      protocol
    )({
      decide: {
        ...soundDecide,
        Reset: (_, { total }) => {
          if (total > 4) throw new RangeError("too much to reset")
          return [{ _tag: "WasReset" }]
        }
      },
      evolve: soundEvolve
    })
    const { failure, law } = onlyBroken(laws(Fragile))
    expect(law).toBe(name)
    expect(failure.problem).toBe("Fragile.decide threw RangeError: too much to reset")
    expect(failure.example).toBe(`given(Fragile, [{ _tag: "Added", by: 5 }]).when({ _tag: "Reset" })`)
    expect(failure.message).toMatch(
      /^Fragile: decide and evolve never throw: broken\.\n\nFragile\.decide threw .*\n\ngiven\(Fragile.*\n\nBroken by \d+ of 100 histories; the shortest, number \d+, (?:has|was shrunk from \d+ to) 2 commands\. Seed: 0$/
    )
    // What is printed can be pasted: it fails for the same reason.
    expect(() => given(Fragile, [{ _tag: "Added", by: 5 }]).when({ _tag: "Reset" })).toThrow("too much to reset")
  })

  it("prints what compiles and fails in the same way", () => {
    const Fragile = Aggregate.make(
      "Fragile",
      protocol
    )({
      decide: soundDecide,
      evolve: {
        ...soundEvolve,
        Added: ({ total }, { by }) => {
          if (total < 0 && by > 2) throw new RangeError("no way back")
          return { total: total + by }
        }
      }
    })
    const { failure, law } = onlyBroken(laws(Fragile))
    expect(law).toBe(name)
    expect(failure.example).toBe(`given(Fragile, [{ _tag: "Added", by: -1 }, { _tag: "Added", by: 3 }])`)
    const pasted = new Function("given", "Fragile", `return ${failure.example}.expectState({ total: 2 })`)
    expect(() => pasted(given, Fragile)).toThrow("no way back")
  })

  it("finds a decide that returns no events at all", () => {
    const Lost = Aggregate.make(
      "Lost",
      protocol
    )({
      decide: { ...soundDecide, Reset: () => undefined as never },
      evolve: soundEvolve
    })
    const { failure, law } = onlyBroken(laws(Lost, { unreached: ["WasReset"] }))
    expect(law).toBe(name)
    expect(failure.problem).toBe("Lost.decide returned neither an array of events nor a Result, but undefined")
  })
})

describe("decide and evolve are deterministic", () => {
  const name = "decide and evolve are deterministic"
  const sources: ReadonlyArray<readonly [string, () => unknown]> = [
    ["Date.now()", () => Date.now()],
    ["new Date()", () => new Date()],
    ["Date()", () => Date()],
    ["performance.now()", () => performance.now()],
    ["Math.random()", () => Math.random()],
    ["crypto.randomUUID()", () => crypto.randomUUID()],
    ["crypto.getRandomValues()", () => crypto.getRandomValues(new Uint8Array(4))]
  ]
  for (const [source, ask] of sources) {
    it(`finds ${source} in decide, even where its error is caught`, () => {
      const Asking = Aggregate.make(
        "Asking",
        protocol
      )({
        decide: {
          ...soundDecide,
          Reset: () => {
            ask()
            return [{ _tag: "WasReset" }]
          }
        },
        evolve: soundEvolve
      })
      const { failure, law } = onlyBroken(laws(Asking, { unreached: ["WasReset"] }))
      expect(law).toBe(name)
      expect(failure.problem).toContain(`Asking.decide is not pure: ImpureCall: ${source} was asked`)
      expect(failure.problem).toContain("into the command")
      expect(failure.example).toBe(`given(Asking).when({ _tag: "Reset" })`)
      const Catching = Aggregate.make(
        "Catching",
        protocol
      )({
        decide: soundDecide,
        evolve: {
          ...soundEvolve,
          WasReset: () => {
            try {
              ask()
            } catch {
              return { total: 1 }
            }
            return { total: 0 }
          }
        }
      })
      const caught = onlyBroken(laws(Catching))
      expect(caught.law).toBe(name)
      expect(caught.failure.problem).toContain(`${source} was asked (and the error it threw was caught)`)
    })
  }

  it("lets dates be made of given times", () => {
    const Dated = Aggregate.make("Dated", {
      command: Schema.TaggedUnion({ Note: { at: Schema.Date } }),
      event: Schema.TaggedUnion({ Noted: { at: Schema.Date } }),
      state: Schema.Struct({ last: Schema.UndefinedOr(Schema.Date) }),
      initial: { last: undefined }
    })({
      decide: {
        Note: ({ at }) =>
          at instanceof Date && !Number.isNaN(new Date(at.getTime()).getTime())
            ? [{ _tag: "Noted", at: new Date(at.getTime()) }]
            : Result.fail("no date" as const)
      },
      evolve: { Noted: (_, { at }) => ({ last: new Date(Date.UTC(2000, 0, at.getUTCDate() || 1)) }) }
    })
    expect(brokenOf(laws(Dated)).size).toBe(0)
  })

  it("finds a counter outside of the state", () => {
    let calls = 0
    const Counting = Aggregate.make(
      "Counting",
      protocol
    )({
      decide: soundDecide,
      evolve: { ...soundEvolve, WasReset: () => ({ total: (calls += 1) }) }
    })
    const { failure, law } = onlyBroken(laws(Counting))
    expect(law).toBe(name)
    expect(failure.problem).toMatch(
      /^Counting\.evolve returned { total: \d+ } at first, and { total: \d+ } when called again with the same$/
    )
    expect(failure.example).toBe(`given(Counting, [{ _tag: "WasReset" }])`)
  })

  it("finds a decide that changes its mind", () => {
    let odd = false
    const Moody = Aggregate.make(
      "Moody",
      protocol
    )({
      decide: {
        ...soundDecide,
        Reset: () => {
          odd = !odd
          return odd ? Result.fail("not now" as const) : [{ _tag: "WasReset" }]
        }
      },
      evolve: soundEvolve
    })
    const broken = brokenOf(laws(Moody, { unreached: ["WasReset"] }))
    expect([...broken.keys()]).toEqual([`Moody: ${name}`])
    expect([...broken.values()][0]?.problem).toMatch(/^Moody\.decide returned Result\./)
  })
})

describe("decide and evolve change nothing they are given", () => {
  const name = "decide and evolve change nothing they are given"
  const listProtocol = {
    command: Schema.TaggedUnion({ Add: { item: Schema.String } }),
    event: Schema.TaggedUnion({ Added: { item: Schema.String } }),
    state: Schema.Struct({ items: Schema.Array(Schema.String) }),
    initial: { items: [] as ReadonlyArray<string> }
  }

  it("finds an evolve that pushes", () => {
    const Pushing = Aggregate.make("Pushing", { ...listProtocol, initial: { items: [] } })({
      decide: { Add: ({ item }) => [{ _tag: "Added", item }] },
      evolve: {
        Added: (state, { item }) => {
          ;(state.items as Array<string>).push(item)
          return state
        }
      }
    })
    const { failure, law } = onlyBroken(laws(Pushing, { unreached: ["Added"] }))
    expect(law).toBe(name)
    expect(failure.problem).toContain("Pushing.evolve tried to change what it was given: TypeError")
    expect(failure.example).toBe(`given(Pushing, [{ _tag: "Added", item: "" }])`)
  })

  it("finds a decide that writes to the command or the state", () => {
    for (const write of [
      (command: { item: string }) => void (command.item = "x"),
      (_: unknown, state: { items: ReadonlyArray<string> }) => void (state.items = ["x"]),
      (_: unknown, state: object) => void Object.assign(state, { other: 1 })
    ]) {
      const Writing = Aggregate.make("Writing", { ...listProtocol, initial: { items: [] } })({
        decide: {
          Add: (command, state) => {
            write(command as never, state as never)
            return [{ _tag: "Added", item: command.item }]
          }
        },
        evolve: { Added: ({ items }, { item }) => ({ items: [...items, item] }) }
      })
      const { law } = onlyBroken(laws(Writing, { unreached: ["Added"] }))
      expect(law).toBe(name)
    }
  })

  it("finds a change of what cannot be frozen", () => {
    const Mapping = Aggregate.make("Mapping", {
      command: Schema.TaggedUnion({ Put: { key: Schema.String } }),
      event: Schema.TaggedUnion({ WasPut: { key: Schema.String } }),
      state: Schema.Struct({ seen: Schema.ReadonlyMap(Schema.String, Schema.Int) }),
      initial: { seen: new Map() }
    })({
      decide: { Put: ({ key }) => [{ _tag: "WasPut", key }] },
      evolve: {
        WasPut: ({ seen }, { key }) => {
          ;(seen as Map<string, number>).set(key, 1)
          return { seen }
        }
      }
    })
    const { failure, law } = onlyBroken(laws(Mapping, { unreached: ["WasPut"] }))
    expect(law).toBe(name)
    expect(failure.problem).toBe("Mapping.evolve changed the state that it was given")
  })
})

// Stores whole days: the hours are lost.
const Day = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Int,
    SchemaTransformation.transform({
      decode: (text) => Number(text) * 10,
      encode: (hours) => String(Math.floor(hours / 10))
    })
  )
)

describe("events can be stored and come back equal", () => {
  it("finds a lossy codec", () => {
    const Lossy = Aggregate.make("Lossy", {
      ...protocol,
      event: Schema.TaggedUnion({ Added: { by: Day }, WasReset: {} })
    })({ decide: soundDecide, evolve: { ...soundEvolve, Added: () => ({ total: 0 }) } })
    const { failure, law } = onlyBroken(laws(Lossy))
    expect(law).toBe("events can be stored and come back equal")
    expect(failure.problem).toBe(
      `The event { _tag: "Added", by: 1 } comes back from the store as { _tag: "Added", by: 0 }`
    )
    expect(failure.example).toBe(`given(Lossy).when({ _tag: "Add", by: 1 })`)
  })

  it("finds an event that its schema refuses", () => {
    const Halving = Aggregate.make(
      "Halving",
      protocol
    )({
      decide: { ...soundDecide, Add: ({ by }) => [{ _tag: "Added", by: by / 2 }] },
      evolve: { ...soundEvolve, Added: () => ({ total: 0 }) }
    })
    const { failure, law } = onlyBroken(laws(Halving))
    expect(law).toBe("events can be stored and come back equal")
    expect(failure.problem).toContain(
      `The event { _tag: "Added", by: 0.5 } cannot be stored and read: its schema refuses it`
    )
  })
})

describe("replaying the stored events gives the state", () => {
  it("finds an evolve that reads what is not stored", () => {
    const Secret = Aggregate.make(
      "Secret",
      protocol
    )({
      decide: {
        ...soundDecide,
        Add: ({ by }) => {
          const event = { _tag: "Added", by, note: "not in the schema" } as const
          return [event]
        }
      },
      evolve: { ...soundEvolve, Added: ({ total }, event) => ({ total: "note" in event ? total + event.by : total }) }
    })
    const { failure, law } = onlyBroken(laws(Secret))
    expect(law).toBe("replaying the stored events gives the state")
    expect(failure.problem).toBe(
      "Executing the commands gave the state { total: 1 }, but replaying the stored events gives { total: 0 }"
    )
    expect(failure.found).toMatch(/(?:has|to) 1 command\.$/)
  })
})

describe("a snapshot and the events after it give the state", () => {
  const name = "a snapshot and the events after it give the state"

  it("finds a state that does not come back", () => {
    const Rounded = Aggregate.make("Rounded", { ...protocol, state: Schema.Struct({ total: Day }) })({
      decide: soundDecide,
      evolve: soundEvolve
    })
    const { failure, law } = onlyBroken(laws(Rounded))
    expect(law).toBe(name)
    expect(failure.problem).toBe("The state { total: 1 } comes back from a snapshot as { total: 0 }")
    expect(failure.example).toBe(`given(Rounded, [{ _tag: "Added", by: 1 }]).expectState({ total: 1 })`)
    expect(() => given(Rounded, [{ _tag: "Added", by: 1 }]).expectState({ total: 1 })).not.toThrow()
  })

  it("finds a state that its schema refuses", () => {
    const Small = Aggregate.make("Small", {
      ...protocol,
      state: Schema.Struct({ total: Schema.Int.check(Schema.isLessThan(10)) })
    })({ decide: soundDecide, evolve: soundEvolve })
    const { failure, law } = onlyBroken(laws(Small))
    expect(law).toBe(name)
    expect(failure.problem).toContain("The state { total: 10 } cannot be kept as a snapshot: its schema refuses it")
    expect(failure.example).toBe(`given(Small, [{ _tag: "Added", by: 10 }]).expectState({ total: 10 })`)
  })

  it("finds a state that remembers more than its schema says", () => {
    const Hidden = Aggregate.make(
      "Hidden",
      protocol
    )({
      decide: soundDecide,
      evolve: {
        Added: (state, { by }) => {
          const count = "count" in state && typeof state.count === "number" ? state.count + 1 : 1
          const next = { total: count >= 3 ? 0 : state.total + by, count }
          return next as { readonly total: number }
        },
        WasReset: () => ({ total: 0 })
      }
    })
    const { failure, law } = onlyBroken(laws(Hidden))
    expect(law).toBe(name)
    expect(failure.problem).toMatch(/^All events give the state .*, but a snapshot after the first \d of them, /)
    expect(failure.found).toMatch(/to 3 commands\.$/)
  })
})

describe("every event is reached", () => {
  const Locked = Aggregate.make("Locked", {
    command: Schema.TaggedUnion({ Try: { code: Schema.String } }),
    event: Schema.TaggedUnion({ Refused: {}, Unlocked: {} }),
    state: Schema.Struct({ code: Schema.String, open: Schema.Boolean }),
    initial: { code: "correct horse", open: false }
  })({
    decide: {
      Try: ({ code }, state) => (code === `${state.code}!` ? [{ _tag: "Unlocked" }] : [{ _tag: "Refused" }])
    },
    evolve: { Refused: (state) => state, Unlocked: (state) => ({ ...state, open: true }) }
  })

  it("fails for an event that is never reached, with the counts and what to do", () => {
    const { failure, law } = onlyBroken(laws(Locked))
    expect(law).toBe("every event is reached")
    expect(failure.problem).toMatch(
      /^Never reached: Unlocked\. Locked: 100 histories, \d+ commands accepted, none rejected; events: Refused \d+, Unlocked 0$/
    )
    expect(failure.example).toContain("laws(Locked, { commands: (state) => … })")
    expect(failure.example).toContain(`laws(Locked, { unreached: ["Unlocked"] })`)
  })

  it("lets an event be named that need not be reached", () => {
    expect(brokenOf(laws(Locked, { unreached: ["Unlocked"] })).size).toBe(0)
  })

  it("takes a generator that sees the state", () => {
    const commands = (state: { readonly code: string; readonly open: boolean }) =>
      Arbitrary.schema(Schema.Literals([`${state.code}!`, "wrong"])).pipe(
        Arbitrary.map((code) => ({ _tag: "Try" as const, code }))
      )
    const locked = laws(Locked, { commands, runs: 20 })
    expect(brokenOf(locked).size).toBe(0)
    expect(quietly(checkAll(locked))[0]?.events["Unlocked"]).toBeGreaterThan(20)
  })

  it("says why no commands can be made", () => {
    const Impossible = Aggregate.make("Impossible", {
      ...protocol,
      command: Schema.TaggedUnion({
        Add: { by: Schema.Int.check(Schema.makeFilter((n) => n === 123_456_789_012)) },
        Reset: { by: Schema.Int.check(Schema.makeFilter((n) => n === 123_456_789_012)) }
      })
    })({ decide: soundDecide, evolve: soundEvolve })
    const broken = [...brokenOf(laws(Impossible)).values()]
    expect(broken.length).toBe(7)
    expect(broken[0]?.problem).toMatch(
      /^Nothing could be tried: no values could be generated: its filters refused \d+ values/
    )
  })
})

describe("shrinking", () => {
  it("keeps values equal that must be", () => {
    const Shelf = Aggregate.make("Shelf", {
      command: Schema.TaggedUnion({ Put: { sku: Schema.NonEmptyString }, Take: { sku: Schema.NonEmptyString } }),
      event: Schema.TaggedUnion({ WasPut: { sku: Schema.NonEmptyString }, WasTaken: { sku: Schema.NonEmptyString } }),
      state: Schema.Struct({ skus: Schema.Array(Schema.NonEmptyString) }),
      initial: { skus: [] }
    })({
      decide: {
        Put: ({ sku }) => [{ _tag: "WasPut", sku }],
        Take: ({ sku }, { skus }) => {
          if (skus.filter((one) => one === sku).length > 1) throw new Error("twice")
          return skus.includes(sku) ? [{ _tag: "WasTaken", sku }] : Result.fail("none" as const)
        }
      },
      evolve: {
        WasPut: ({ skus }, { sku }) => ({ skus: [...skus, sku] }),
        WasTaken: ({ skus }, { sku }) => ({ skus: skus.filter((one) => one !== sku) })
      }
    })
    const { failure } = onlyBroken(laws(Shelf))
    expect(failure.example).toBe(
      `given(Shelf, [{ _tag: "WasPut", sku: "a" }, { _tag: "WasPut", sku: "a" }]).when({ _tag: "Take", sku: "a" })`
    )
    expect(onlyBroken(laws(Shelf)).failure.message).toBe(failure.message)
  })

  it("leaves the values of a generator as they are", () => {
    const Fragile = Aggregate.make(
      "Fragile",
      protocol
    )({
      decide: {
        ...soundDecide,
        Add: ({ by }) => {
          if (by >= 3) throw new Error("no")
          return [{ _tag: "Added", by }]
        }
      },
      evolve: soundEvolve
    })
    const commands = () => Arbitrary.schema(Schema.Literals([{ _tag: "Reset" }, { _tag: "Add", by: 77 }] as never))
    expect(() => laws(Fragile, { commands: commands as never })).not.toThrow()
    const { failure } = onlyBroken(
      laws(Fragile, {
        commands: () => Arbitrary.Constant({ _tag: "Add" as const, by: 77 }),
        unreached: ["Added", "WasReset"]
      })
    )
    expect(failure.example).toBe(`given(Fragile).when({ _tag: "Add", by: 77 })`)
  })
})

describe("the platform", () => {
  it("is as before after laws, also broken ones", () => {
    const before = [Date, Date.now, Math.random, performance.now, crypto.randomUUID, crypto.getRandomValues]
    const own = Object.getOwnPropertyNames(crypto).length + Object.getOwnPropertyNames(performance).length
    const Asking = Aggregate.make(
      "Asking",
      protocol
    )({
      decide: { ...soundDecide, Reset: () => (Math.random() > 2 ? [] : [{ _tag: "WasReset" }]) },
      evolve: soundEvolve
    })
    brokenOf(laws(Asking))
    expect([Date, Date.now, Math.random, performance.now, crypto.randomUUID, crypto.getRandomValues]).toEqual(before)
    expect(Object.getOwnPropertyNames(crypto).length + Object.getOwnPropertyNames(performance).length).toBe(own)
    expect(new Date()).toBeInstanceOf(Date)
    expect(crypto.randomUUID()).toHaveLength(36)
    expect(performance.now()).toBeGreaterThan(0)
  })
})

describe("one function instead of a record", () => {
  it("is checked in the same way", () => {
    const Functions = Aggregate.make("Functions", {
      command: AccountCommand,
      event: AccountEvent,
      state: AccountState,
      initial: { status: "none", balance: 0 }
    })({ decide: (command, state) => Account.decide(command, state), evolve: Account.evolve })
    expect(brokenOf(laws(Functions)).size).toBe(0)
  })
})
