// ArchiveError: why a folder of events could not be read or written; nothing of a damaged part is ever given on.
import * as Schema from "effect/Schema"

/** There is no archive in this folder, or nobody finished writing the first part of one. */
export class NotAnArchive extends Schema.TaggedError<NotAnArchive>()("NotAnArchive", {
  problem: Schema.String
}) {
  override get message(): string {
    return `It is no archive of events: ${this.problem}. Look whether it is the right folder, and whether all of it was copied.`
  }
}

/** A newer release wrote the archive. */
export class NewerArchive extends Schema.TaggedError<NewerArchive>()("NewerArchive", {
  version: Schema.Int,
  newest: Schema.Int
}) {
  override get message(): string {
    return (
      `It has the format version ${this.version}, and this release reads up to version ${this.newest}. ` +
      `Read it with the release that wrote it, or a later one.`
    )
  }
}

/** Whoever wrote the archive did not come to its end. */
export class UnfinishedArchive extends Schema.TaggedError<UnfinishedArchive>()("UnfinishedArchive", {
  events: Schema.Int
}) {
  override get message(): string {
    return (
      `It was not finished: ${this.events} events are in it, and more were to come. Run again what wrote it: it goes on ` +
      `where it stopped.`
    )
  }
}

/** The archive in this folder holds something else than what was to be written. */
export class OtherArchive extends Schema.TaggedError<OtherArchive>()("OtherArchive", {
  problem: Schema.String
}) {
  override get message(): string {
    return `There is another archive: ${this.problem}. Nothing was written: take an empty folder.`
  }
}

/** The manifest is not as it was written. */
export class DamagedManifest extends Schema.TaggedError<DamagedManifest>()("DamagedManifest", {
  problem: Schema.String
}) {
  override get message(): string {
    return `Its manifest was changed or damaged: ${this.problem}. Fetch it from another copy.`
  }
}

/** A part that the manifest names is not there. */
export class MissingPart extends Schema.TaggedError<MissingPart>()("MissingPart", {
  part: Schema.String,
  events: Schema.Int
}) {
  override get message(): string {
    return `The part ${this.part} with ${this.events} events is not there. Fetch it from another copy.`
  }
}

/** A part is not as it was written: cut off, or other bytes. */
export class DamagedPart extends Schema.TaggedError<DamagedPart>()("DamagedPart", {
  part: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The part ${this.part} is damaged: ${this.problem}. Nothing of it was read; fetch it from another copy.`
  }
}

/** A line of a part is no event, or stands where it cannot. */
export class InvalidLine extends Schema.TaggedError<InvalidLine>()("InvalidLine", {
  part: Schema.String,
  line: Schema.Int,
  problem: Schema.String
}) {
  override get message(): string {
    return `Line ${this.line} of the part ${this.part} is no event of this archive: ${this.problem}. Nothing of the part was read.`
  }
}

/** A stream of the archive has a hole, or does not begin at its beginning. */
export class TornStream extends Schema.TaggedError<TornStream>()("TornStream", {
  problem: Schema.String
}) {
  override get message(): string {
    return `It does not hold its streams whole: ${this.problem}. It is no copy of them; make one anew while the store has them.`
  }
}

/** A stream that was asked for is not in the archive. */
export class NoSuchStream extends Schema.TaggedError<NoSuchStream>()("NoSuchStream", {
  stream: Schema.String
}) {
  override get message(): string {
    return `It has no events of stream ${this.stream}; the stream's tombstone names the archive that has.`
  }
}

/** The disk, or whatever the folder is on, refused. */
export class StorageFailed extends Schema.TaggedError<StorageFailed>()("StorageFailed", {
  file: Schema.String,
  problem: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `${this.file} could not be used: ${this.problem}. The same call may go through later; what was written is kept.`
  }
}

/** Why an archive could not be read or written. */
export const Reason = Schema.Union([
  NotAnArchive,
  NewerArchive,
  UnfinishedArchive,
  OtherArchive,
  DamagedManifest,
  MissingPart,
  DamagedPart,
  InvalidLine,
  TornStream,
  NoSuchStream,
  StorageFailed
])
export type Reason = typeof Reason.Type

/**
 * An archive could not be read or written; `reason` says why, `where` which one, `isRetryable` whether the same call may go
 * through later.
 */
export class ArchiveError extends Schema.TaggedError<ArchiveError>()("ArchiveError", {
  where: Schema.String,
  reason: Reason
}) {
  override get message(): string {
    return `The archive ${this.where}: ${this.reason.message}`
  }

  /** Whether the same call may go through later. */
  get isRetryable(): boolean {
    return this.reason._tag === "StorageFailed"
  }
}

/** The error of an archive and a reason. */
export const because = (where: string, reason: Reason): ArchiveError => new ArchiveError({ where, reason })
