// Broken archives and copies: what is damaged, cut off, forged or another's passes for whole.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const line = "internal/archiveLine.ts"
const manifest = "internal/archiveManifest.ts"
const reading = "internal/archiveReading.ts"
const writing = "internal/archiveWriting.ts"
const copy = "internal/copyInto.ts"

const archiving: ReadonlyArray<Broken> = [
  ["a part's checksum is not looked at", reading, "if (sha256 !== part.sha256)", 'if (sha256 === "")'],
  ["a part that is cut off is damaged otherwise", reading, "bytes.length !== part.bytes", "bytes.length === 0"],
  [
    "an archive that was not finished is read",
    reading,
    "  if (found.complete) return found\n",
    "  if (found.events >= 0) return found\n"
  ],
  ["positions stand in any order", reading, "if (position <= last)", "if (position < 0)"],
  [
    "the hash of the whole is not looked at",
    reading,
    "if (found.digest !== manifest.digest)",
    'if (found.digest === "")'
  ],
  ["a manifest that was changed is believed", manifest, "if (found !== sha256)", 'if (found === "")'],
  ["a format of a newer release is read", manifest, "if (parsed.version > version)", "if (parsed.version < 0)"],
  [
    "an archive of something else is added to",
    writing,
    "if (!isSame(found.holds, holds))",
    "if (holds._tag.length === 0)"
  ],
  ["numbers are those of JavaScript", line, 'data: texts.get("data") ?? "null"', "data: JSON.stringify(data)"],
  ["data that was written over several lines is so", line, "${onOneLine(event.data)}", "${event.data}"],
  [
    "files are renamed before the disk has them",
    "internal/archiveDisk.ts",
    "Effect.andThen(file.writeAll(bytes), file.sync)",
    "file.writeAll(bytes)"
  ]
]

const copying: ReadonlyArray<Broken> = [["what a store holds beyond is no matter", copy, "  yield* isAll\n", ""]]

const ends = "internal/streamEnds.ts"
const archive = "internal/archiving.ts"
const streams = "internal/archiveStreams.ts"

const meanwhile: ReadonlyArray<Broken> = [
  ["what was removed while it was copied is not looked for", ends, "end.revision < revision - 1", "end.revision < 0"],
  [
    "a copy of what was removed meanwhile is an archive",
    archive,
    "mayHaveHoles: false, isPart })",
    "mayHaveHoles: true, isPart })"
  ],
  [
    "what goes on behind a position is no archive of what is before it",
    ends,
    "!isPart || first?.revision !== 0",
    "!isPart || first !== undefined"
  ],
  ["no tombstone stands behind a hole", ends, "!(mayHaveHoles && isLeft)", "!(mayHaveHoles && false)"],
  [
    "no tombstone is imported behind a hole",
    "internal/importing.ts",
    "last.revision + 1 && !isLeft",
    "last.revision + 1"
  ],
  ["what came back is added to what is left of it", ends, "!last.isWhole && !isLeft", "last.isWhole && false"],
  [
    "an export whose last event was removed is another store's",
    "internal/storeCopy.ts",
    "Tombstone.isTombstone(left) && left.revision > revision",
    "Tombstone.isTombstone(left) && left.revision < 0"
  ],
  ["an export that goes on is not finished until it is", writing, "isFinished && !complete", "isFinished && complete"],
  ["an export that goes on and was killed begins again", writing, "return isOf ? more.value : found", "return found"]
]

const shelved: ReadonlyArray<Broken> = [
  [
    "an archive that has part of a stream has all of it",
    "internal/load.ts",
    "last < end ? Effect.fail(error) : load(events)",
    "last < -1 ? Effect.fail(error) : load(events)"
  ],
  [
    "a time is loaded from whatever an archive has",
    "internal/load.ts",
    "      : archive === undefined\n",
    "      : archive !== undefined || time !== undefined\n"
  ],
  [
    "what could not be read once is not read again",
    "internal/archiveIndex.ts",
    "if (found !== undefined) return found\n",
    "if (found !== undefined) return found\n      found = new Map()\n"
  ],
  [
    "what another store has archived comes back",
    "internal/removal.ts",
    "return ended === undefined || ended === ends\n",
    "return ended === undefined || ends !== undefined\n"
  ],
  [
    "what came back came back from any archive of as many events",
    "internal/removal.ts",
    " && lastIn(last) === events.at(-1)?.id",
    ""
  ],
  ["a stream that is archived elsewhere stops all others", streams, "streams === undefined ? isOurs :", ""],
  [
    "a stream that was deleted stops all others",
    archive,
    '"EventStoreError", "StreamDeleted"',
    '"EventStoreError", "StreamArchived"'
  ],
  ["any number is a position", archive, "!Position.isPosition(what.before)", 'typeof what.before === "string"'],
  [
    "snapshots that stay are no matter",
    archive,
    "  yield* forget(stream)\n",
    "  yield* Effect.ignore(forget(stream))\n"
  ],
  [
    "a snapshot that is saved late stays",
    "internal/snapshot.ts",
    "log === undefined ? saved :",
    "log === undefined || log !== undefined ? saved :"
  ]
]

/** Broken archives and copies. */
export const archives: ReadonlyArray<Mutant> = [
  ...all("archives", archiving, ["archiveFolder"]),
  ...all("copies", copying, ["storeCopy"]),
  ...all("copies", meanwhile, ["copyMeanwhile"]),
  ...all("archives", shelved, ["archiveStreams"])
]
