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

/** Broken archives and copies. */
export const archives: ReadonlyArray<Mutant> = [
  ...all("archives", archiving, ["archiveFolder"]),
  ...all("copies", copying, ["storeCopy"])
]
