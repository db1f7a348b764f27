// Stream names: any id comes back as it was given, or is refused with a reason.
import { it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import * as StreamName from "../src/StreamName.ts"

it.prop("category and id come back from the name", [Schema.String, Schema.String], ([category, id]) => {
  const stream = StreamName.fromParts(category, id)
  const possible = category !== "" && !category.includes("-") && id !== "" && storable(category) && storable(id)
  expect(Result.isSuccess(stream)).toBe(possible)
  if (Result.isFailure(stream)) return
  expect(StreamName.category(stream.success)).toBe(category)
  expect(StreamName.id(stream.success)).toBe(id)
  expect(StreamName.parse(stream.success)).toEqual(stream)
})

const storable = (text: string): boolean => text.isWellFormed() && !text.includes("\u0000")

it.each(["7", "a-b-c", "-", "--", " ", "é😀", "o'neil", '"', "%", "../x", "$all", "x".repeat(10_000)])(
  "takes the id %j",
  (id) => {
    expect(StreamName.id(StreamName.make("Account", id))).toBe(id)
  }
)

it.each([
  ["", "1", "the category is empty"],
  ["A-B", "1", "the category holds a dash"],
  ["A", "", "the id is empty"],
  ["A", "\ud800", "the id is not well-formed"],
  ["A", "a\u0000b", "the id holds the NUL"]
])("refuses category %j and id %j", (category, id, problem) => {
  expect(() => StreamName.make(category, id)).toThrow(problem)
})

it("refuses a name without a dash", () => {
  expect(Result.isFailure(StreamName.parse("Account"))).toBe(true)
})
