// Event ids: UUIDs that sort by time, and ids that derive from a command.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect } from "vitest"
import * as EventId from "../src/EventId.ts"

describe("generate", () => {
  it.effect("gives UUIDv7s that are all different", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.replicateEffect(EventId.generate, 10_000)
      expect(new Set(ids).size).toBe(10_000)
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    })
  )

  it("sorts by time as text", () => {
    const random = new Uint8Array(10).fill(255)
    const times = [0, 1, 1_000, 1_763_870_000_000, 1_763_870_000_001, 2 ** 48 - 1]
    const ids = times.map((time, i) => EventId.fromTime(time, i % 2 === 0 ? random : new Uint8Array(10)))
    expect(ids.toSorted()).toEqual(ids)
  })
})

describe("derive", () => {
  it.prop(
    "is the same for the same command, and differs in every part",
    [Schema.String, Schema.String],
    ([scope, id]) => {
      const one = EventId.derive(scope, id, 0)
      expect(EventId.isEventId(one)).toBe(true)
      expect(EventId.derive(scope, id, 0)).toBe(one)
      expect(EventId.derive(scope, id, 1)).not.toBe(one)
      expect(EventId.derive(`${scope}x`, id, 0)).not.toBe(one)
      expect(EventId.derive(scope, `${id}x`, 0)).not.toBe(one)
    }
  )

  it("does not confuse where the scope ends and the command id begins", () => {
    expect(EventId.derive("ab", "c", 0)).not.toBe(EventId.derive("a", "bc", 0))
    expect(EventId.derive("a", "1", 11)).not.toBe(EventId.derive("a", "11", 1))
  })

  it("keeps the time of a command id that is a UUIDv7", () => {
    const commandId = EventId.fromTime(1_763_870_000_000, new Uint8Array(10))
    const id = EventId.derive("Account-7", commandId, 0)
    expect(id.slice(0, 13)).toBe(commandId.slice(0, 13))
    expect(id[14]).toBe("8")
  })
})

describe("make", () => {
  it("lowers the case, and refuses what is no UUID", () => {
    expect(EventId.make("0198C2A4-7D3E-7ABC-8DEF-0123456789AB")).toBe("0198c2a4-7d3e-7abc-8def-0123456789ab")
    for (const text of ["", "1", "0198c2a47d3e7abc8def0123456789ab", "0198c2a4-7d3e-7abc-8def-0123456789ag"]) {
      expect(() => EventId.make(text)).toThrow(RangeError)
    }
  })
})
