// Repeats: whether appends bring events that are stored already, by their ids; the same for every backend.
import * as Result from "effect/Result"
import type { EventId } from "../EventId.ts"
import type { Appended, EncodedAppend, EncodedRecorded, Outcome } from "../EventStore.ts"
import { sameText } from "./json.ts"

type IdReused = Extract<Outcome, { readonly _tag: "IdReused" }>

/** What a store must know of a stored event to tell a repeat from a misuse. */
export type Stored = Pick<
  EncodedRecorded,
  "id" | "stream" | "type" | "schemaVersion" | "data" | "revision" | "position"
>

/**
 * For each append of one call its first result, or undefined when it is new; or how the ids are misused.
 *
 * `find` gives the stored event of an id. Identity is the id; content is stream, type, schemaVersion and data.
 */
export const repeats = (
  appends: ReadonlyArray<EncodedAppend>,
  find: (id: EventId) => Stored | undefined
): Result.Result<ReadonlyArray<Appended | undefined>, IdReused> => {
  const results: Array<Appended | undefined> = []
  let repeat: IdReused | undefined
  let isNew = false
  for (const [index, append] of appends.entries()) {
    const last = lastOf(append, find)
    if (Result.isFailure(last)) return Result.fail({ _tag: "IdReused", index, ...last.failure })
    if (last.success === undefined) {
      isNew ||= append.events.length > 0
      results.push(undefined)
    } else {
      const { id, position, revision } = last.success
      repeat ??= { _tag: "IdReused", index, id, problem: "the events for another stream of the same call are new" }
      results.push({ revision, position, repeated: true })
    }
  }
  // Several appends are repeated all together or not at all.
  return repeat !== undefined && isNew ? Result.fail(repeat) : Result.succeed(results)
}

/** The last stored event of an append whose ids are all stored with the same content; undefined when none is stored. */
const lastOf = (
  append: EncodedAppend,
  find: (id: EventId) => Stored | undefined
): Result.Result<Stored | undefined, { readonly id: EventId; readonly problem: string }> => {
  let last: Stored | undefined
  let fresh: EventId | undefined
  for (const event of append.events) {
    const stored = find(event.id)
    if (stored === undefined) {
      fresh ??= event.id
    } else if (
      stored.stream !== append.stream ||
      stored.type !== event.type ||
      stored.schemaVersion !== event.schemaVersion ||
      !sameText(stored.data, event.data)
    ) {
      const problem = `it belongs to "${stored.type}" at revision ${stored.revision} of stream ${stored.stream}, with other content`
      return Result.fail({ id: event.id, problem })
    } else if (last === undefined || stored.revision > last.revision) {
      last = stored
    }
  }
  return last !== undefined && fresh !== undefined
    ? Result.fail({ id: last.id, problem: `id ${fresh} in the same append is new` })
    : Result.succeed(last)
}
