// EmbeddedPostgresError: why a server of our own could not start or go on, and what to do about it.
import * as Schema from "effect/Schema"

/** There are no server programs for this platform, or the given folder has none. */
export class NoBinaries extends Schema.TaggedError<NoBinaries>()("NoBinaries", {
  /** The npm package or the folder that was looked at. */
  from: Schema.String,
  problem: Schema.String,
  hint: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.problem}. ${this.hint}`
  }
}

/** A folder that this process or the server's user cannot read, write or enter. */
export class FolderNotAccessible extends Schema.TaggedError<FolderNotAccessible>()("FolderNotAccessible", {
  folder: Schema.String,
  problem: Schema.String,
  hint: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.problem}. ${this.hint}`
  }
}

/** The data folder holds something, but not a server's data: it was left as it is. */
export class FolderNotACluster extends Schema.TaggedError<FolderNotACluster>()("FolderNotACluster", {
  folder: Schema.String,
  found: Schema.Array(Schema.String)
}) {
  get hint(): string {
    return "Give a dataDir that is empty or does not exist yet, or one that an embedded server has made."
  }
  override get message(): string {
    const some = this.found.slice(0, 5).join(", ")
    const what = this.found.includes("PG_VERSION")
      ? "is another server's own data folder"
      : "is not an embedded server's"
    return (
      `The folder ${this.folder} ${what}: it holds ${some}${this.found.length > 5 ? ", …" : ""}. ` +
      `Nothing in it was changed. ${this.hint}`
    )
  }
}

/** The data was written by another major version of PostgreSQL. */
export class WrongMajorVersion extends Schema.TaggedError<WrongMajorVersion>()("WrongMajorVersion", {
  folder: Schema.String,
  found: Schema.String,
  expected: Schema.String
}) {
  get hint(): string {
    return (
      `Give \`binaries\` of PostgreSQL ${this.found}, carry the data over with pg_dump or pg_upgrade, ` +
      `or give another dataDir.`
    )
  }
  override get message(): string {
    return (
      `The data in ${this.folder} is PostgreSQL ${this.found}'s, but the server programs are version ${this.expected}. ` +
      `Nothing was changed. ${this.hint}`
    )
  }
}

/** Someone who is alive uses the data folder: another owner, or a server that nobody here started. */
export class FolderInUse extends Schema.TaggedError<FolderInUse>()("FolderInUse", {
  folder: Schema.String,
  pid: Schema.Int,
  by: Schema.Literals(["owner", "server"])
}) {
  get hint(): string {
    return this.by === "owner"
      ? "End that process, use its server, or give another dataDir."
      : "Stop that server (pg_ctl stop, or SIGINT to it), or give another dataDir."
  }
  override get message(): string {
    const who =
      this.by === "server"
        ? `a PostgreSQL server that this library did not start (process ${this.pid})`
        : this.pid === process.pid
          ? `this very process (${this.pid}), by another layer`
          : `process ${this.pid}`
    return `The data folder ${this.folder} is in use by ${who}. ${this.hint}`
  }
}

/** Another program listens on the port. */
export class PortTaken extends Schema.TaggedError<PortTaken>()("PortTaken", {
  port: Schema.Int
}) {
  get hint(): string {
    return "Give another port, or none: then only this process's own socket is used."
  }
  override get message(): string {
    return `Port ${this.port} of 127.0.0.1 is taken by another program. ${this.hint}`
  }
}

/** An option that cannot be carried out. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  problem: Schema.String,
  hint: Schema.String
}) {
  override get message(): string {
    return `The option ${this.option} ${this.problem}. ${this.hint}`
  }
}

/** A program of the server failed; `log` holds the last lines that it wrote. */
export class ServerFailed extends Schema.TaggedError<ServerFailed>()("ServerFailed", {
  problem: Schema.String,
  hint: Schema.String,
  log: Schema.Array(Schema.String),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const log = this.log.length === 0 ? "It wrote nothing." : `It wrote last:\n  ${this.log.join("\n  ")}`
    return `${this.problem}. ${this.hint} ${log}`
  }
}

/** Why the embedded server did not do what was asked. */
export const Reason = Schema.Union([
  NoBinaries,
  FolderNotAccessible,
  FolderNotACluster,
  WrongMajorVersion,
  FolderInUse,
  PortTaken,
  InvalidOption,
  ServerFailed
])
export type Reason = typeof Reason.Type

/**
 * The embedded server could not do what was asked: `reason` says why, `hint` what to do about it.
 *
 * ```ts
 * import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
 * import * as Effect from "effect/Effect"
 *
 * // Another process has the folder: be content with a server that forgets.
 * const server = EmbeddedPostgres.start({ dataDir: ".data" }).pipe(
 *   Effect.catchReason("EmbeddedPostgresError", "FolderInUse", () => EmbeddedPostgres.start())
 * )
 * ```
 */
export class EmbeddedPostgresError extends Schema.TaggedError<EmbeddedPostgresError>()("EmbeddedPostgresError", {
  operation: Schema.String,
  reason: Reason
}) {
  /** What to do about it. */
  get hint(): string {
    return this.reason.hint
  }
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }
}
