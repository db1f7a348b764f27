// copyRefused: why events could not be copied into a store, and what to do.
import * as Schema from "effect/Schema"

/**
 * Events could not be copied into a store.
 *
 * - `diverged`: the store holds other events than those that were to come. Nothing was written after that was seen.
 * - `moved`: somebody else appends to the store all the time.
 * - `misplaced`: an event cannot follow what its stream holds.
 * - `differs`: everything was copied, and read back it has another hash.
 * - `torn`: a stream went, or came back, while it was copied, so that what was copied of it is not whole.
 * - `streams`: the folder holds single streams, which come back by another way.
 */
export class CopyRefused extends Schema.TaggedError<CopyRefused>()("CopyRefused", {
  reason: Schema.Literals(["diverged", "moved", "misplaced", "differs", "torn", "streams"]),
  problem: Schema.String
}) {
  override get message(): string {
    const next = {
      diverged: "Copy into an empty store, or into the one in which this very copy was begun",
      moved: "Copy into a store to which nobody else appends, and run it again: it goes on where it stopped",
      misplaced: "The events are no whole copy of a store in its order; make one with StoreCopy.toFolder",
      differs: "Look who else has appended to the store meanwhile, and begin again with an empty one",
      torn: "Begin again with an empty store",
      streams: "Use Archive.restore"
    }[this.reason]
    return `The events were not copied into the store: ${this.problem}. ${next}.`
  }
}
