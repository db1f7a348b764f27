// LawBroken: a law of a definition does not hold; with the smallest history that shows it.
import * as Schema from "effect/Schema"

/**
 * A law does not hold: `example` is the smallest history found that breaks it, as source to paste into a test.
 *
 * The seed makes the same histories again.
 */
export class LawBroken extends Schema.TaggedError<LawBroken>()("LawBroken", {
  law: Schema.String,
  problem: Schema.String,
  example: Schema.String,
  seed: Schema.Union([Schema.String, Schema.Number]),
  /** Which history it was, how long, and how long after shrinking. */
  found: Schema.String
}) {
  override get message(): string {
    const found = this.found === "" ? "" : `${this.found} `
    const parts = [`${this.law}: broken.`, this.problem, this.example, `${found}Seed: ${JSON.stringify(this.seed)}`]
    return parts.filter((part) => part !== "").join("\n\n")
  }
}
