// The hash agrees with the system's on every text.
import { createHash } from "node:crypto"
import { it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { expect } from "vitest"
import { hexDigest } from "../../src/internal/sha256.ts"

const reference = (text: string): string => createHash("sha256").update(text).digest("hex")

it.prop("any text", [Schema.String], ([text]) => {
  expect(hexDigest(text)).toBe(reference(text))
})

it("texts of every length around the block boundaries", () => {
  for (let length = 0; length < 200; length++) expect(hexDigest("x".repeat(length))).toBe(reference("x".repeat(length)))
})
