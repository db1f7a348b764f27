// What can be wrong with a command before anything is decided.
import * as Schema from "effect/Schema"

/** A command that its schema refuses. Nothing was decided or written. */
export class InvalidCommand extends Schema.TaggedError<InvalidCommand>()("InvalidCommand", {
  stream: Schema.String,
  command: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The command "${this.command}" for stream ${this.stream} is not valid: ${this.problem}`
  }
}

/** A command id that was already used on this stream by another command. Nothing was decided or written. */
export class CommandIdReused extends Schema.TaggedError<CommandIdReused>()("CommandIdReused", {
  stream: Schema.String,
  commandId: Schema.String,
  revision: Schema.Int
}) {
  override get message(): string {
    return (
      `The command id "${this.commandId}" was used on stream ${this.stream} before, at revision ${this.revision}, by ` +
      `another command. A command id belongs to one command: repeat that one, or give this one its own id.`
    )
  }
}
