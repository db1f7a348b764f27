import * as BigDecimal from "effect/BigDecimal"
import * as Chunk from "effect/Chunk"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { difference } from "../src/internal/difference.ts"
import { toSource } from "../src/internal/source.ts"

class Money extends Schema.Class<Money>("Money")({ cents: Schema.Int }) {}
class Broke extends Schema.TaggedError<Broke>()("Broke", { by: Schema.Int }) {}

describe("toSource", () => {
  const values: ReadonlyArray<readonly [unknown, string]> = [
    ['a"b\n', `"a\\"b\\n"`],
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [10n, "10n"],
    [null, "null"],
    [undefined, "undefined"],
    [[], "[]"],
    [{}, "{}"],
    [[1, [true]], "[1, [true]]"],
    [{ a: 1, "b-c": { d: undefined } }, `{ a: 1, "b-c": { d: undefined } }`],
    [JSON.parse(`{"__proto__":1}`), `{ ["__proto__"]: 1 }`],
    [new Date(0), `new Date("1970-01-01T00:00:00.000Z")`],
    [new Date(Number.NaN), "new Date(NaN)"],
    [DateTime.makeUnsafe(0), `DateTime.makeUnsafe("1970-01-01T00:00:00.000Z")`],
    [
      DateTime.makeZonedUnsafe(0, { timeZone: "Europe/Rome" }),
      `DateTime.makeZonedUnsafe("1970-01-01T00:00:00.000Z", { timeZone: "Europe/Rome" })`
    ],
    [Option.some({ a: 1 }), "Option.some({ a: 1 })"],
    [Option.none(), "Option.none()"],
    [Result.succeed(1), "Result.succeed(1)"],
    [Result.fail("x"), `Result.fail("x")`],
    [BigDecimal.fromStringUnsafe("1.50"), `BigDecimal.fromStringUnsafe("1.5")`],
    [Duration.seconds(2), "Duration.millis(2000)"],
    [Redacted.make("secret"), `Redacted.make("<redacted>")`],
    [new Map([["a", 1]]), `new Map([["a", 1]])`],
    [new Set([1]), "new Set([1])"],
    [new Uint8Array([1, 2]), "new Uint8Array([1, 2])"],
    [Chunk.make(1, 2), "Chunk.fromIterable([1, 2])"],
    [HashMap.make(["a", 1]), `HashMap.fromIterable([["a", 1]])`],
    [HashSet.make(1), "HashSet.fromIterable([1])"],
    [new URL("https://a.b/"), `new URL("https://a.b/")`],
    [new Money({ cents: 3 }), "new Money({ cents: 3 })"],
    [new Broke({ by: 3 }), "new Broke({ by: 3 })"],
    [new TypeError("x"), `new TypeError("x")`]
  ]
  for (const [value, source] of values) it(source, () => expect(toSource(value)).toBe(source))

  it("breaks lines that are too long, and only those", () => {
    const item = { name: "x".repeat(30), other: "y".repeat(30) }
    expect(toSource([item, { deep: [item, item] }])).toBe(`[
  { name: "${"x".repeat(30)}", other: "${"y".repeat(30)}" },
  {
    deep: [
      { name: "${"x".repeat(30)}", other: "${"y".repeat(30)}" },
      { name: "${"x".repeat(30)}", other: "${"y".repeat(30)}" }
    ]
  }
]`)
  })

  it("survives values that refer to themselves", () => {
    const loop: { self?: unknown } = {}
    loop.self = loop
    expect(toSource(loop)).toBe("{ self: /* circular */ }")
  })
})

describe("difference", () => {
  it("marks lines and keeps their order", () => {
    expect(difference("a\nb\nc", "a\nc\nd")).toBe("  a\n- b\n  c\n+ d")
    expect(difference("a", "b")).toBe("- a\n+ b")
  })
})
