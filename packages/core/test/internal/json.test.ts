// JSON text is made only where it gives the same value back.
import { it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect } from "vitest"
import { canonical, sameText, stringify } from "../../src/internal/json.ts"

describe("stringify", () => {
  it.prop("what it accepts comes back equal", [Schema.Json], ([value]) => {
    const text = stringify(value)
    // Only text that is not well-formed Unicode is refused among JSON values.
    if (Result.isSuccess(text)) expect(JSON.parse(text.success)).toEqual(JSON.parse(JSON.stringify(value)))
    else expect(text.failure).toContain("well-formed")
  })

  it.each([
    ["NaN", { a: { b: [1, Number.NaN] } }, "a.b[1] is NaN"],
    ["Infinity", Infinity, "the value is Infinity"],
    ["undefined", { a: undefined }, "a is undefined"],
    ["a function", { f: () => 1 }, "f is function"],
    ["a bigint", [1n], "[0] is bigint"],
    ["a Date", { at: new Date(0) }, "at has a toJSON of its own"],
    ["a Map", { at: new Map() }, "at is an instance of a class"],
    ["a lone surrogate", { s: "\ud800" }, "s is not well-formed"],
    ["a lone surrogate in a key", { "\ud800": 1 }, "a key at the value is not well-formed"]
  ])("refuses %s and says where", (_, value, problem) => {
    expect(Result.getOrUndefined(Result.flip(stringify(value)))).toContain(problem)
  })

  it("refuses what refers to itself or is nested too deeply, without a crash", () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    let deep: unknown = 1
    for (let i = 0; i < 1_000_000; i++) deep = [deep]
    for (const value of [circle, deep]) {
      expect(Result.getOrUndefined(Result.flip(stringify(value)))).toContain("nested more than 1000 levels deep")
    }
  })
})

describe("canonical", () => {
  it("does not see the order of keys, but that of items", () => {
    expect(canonical({ b: [1, { d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[1,{"c":2,"d":1}]}')
    expect(sameText('{"a":1,"b":2}', '{ "b": 2, "a": 1 }')).toBe(true)
    expect(sameText("[1,2]", "[2,1]")).toBe(false)
    expect(sameText('{"a":1}', '{"a":"1"}')).toBe(false)
  })
})
