// What makes a command with an id recognisable later, and which ids its events have.
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as EventId from "../EventId.ts"
import { because, InvalidRequest } from "../EventStoreError.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type * as StreamName from "../StreamName.ts"
import { canonical, stringify } from "./json.ts"
import { hexDigest } from "./sha256.ts"

/** A hash of the command, and the id of the first event it leads to. */
export interface Identity {
  readonly commandId: string
  readonly commandHash: string
  readonly firstEvent: EventId.EventId
}

const longestCommandId = 255

/** The identity of a command; none without an id. */
export const identify = (
  operation: string,
  stream: StreamName.StreamName,
  command: { readonly type: string; readonly data: Schema.Json },
  commandId: string | undefined
): Result.Result<Identity | undefined, EventStoreError> => {
  if (commandId === undefined) return Result.succeed(undefined)
  if (commandId === "" || commandId.length > longestCommandId || !commandId.isWellFormed()) {
    const problem =
      `a command id is well-formed text of 1 to ${longestCommandId} characters, but one of ${commandId.length} was given ` +
      `for stream ${stream}; a command without an id is one without the option`
    return Result.fail(because(operation, new InvalidRequest({ problem })))
  }
  const text = stringify(command.data)
  if (Result.isFailure(text)) {
    return Result.fail(because(operation, new InvalidRequest({ problem: `in the command's data ${text.failure}` })))
  }
  return Result.succeed({
    commandId,
    commandHash: hexDigest(canonical([command.type, withoutNulls(command.data)])).slice(0, 32),
    firstEvent: EventId.derive(stream, commandId, 0)
  })
}

/** A client that sends its command again through JSON may leave out what was null or undefined: it is the same command. */
const withoutNulls = (value: Schema.Json): Schema.Json => {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== "object" || value === null) return value
  const entries = Object.entries(value as Schema.JsonObject).filter(([, part]) => part !== null)
  return Object.fromEntries(entries.map(([key, part]) => [key, withoutNulls(part)]))
}
