// ContractBroken: code does not keep what golden files say of stored events; with everything that is wrong, and what to do.
import * as Schema from "effect/Schema"

/** The code does not keep what golden files say: each problem names the version, and what to do. */
export class ContractBroken extends Schema.TaggedError<ContractBroken>()("ContractBroken", {
  aggregate: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return [`The stored events of ${this.aggregate} are not what they were.`, ...this.problems].join("\n\n")
  }
}
