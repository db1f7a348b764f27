// archiveWriting: events into parts; the manifest follows each of them, so that a killed writer goes on behind its last one.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Errors from "../ArchiveError.ts"
import type { Folder, Holds, Manifest, Part, WriteOptions } from "../ArchiveFolder.ts"
import type { EncodedRecorded } from "../EventStore.ts"
import * as Position from "../Position.ts"
import { toLine } from "./archiveLine.ts"
import * as manifests from "./archiveManifest.ts"
import * as reading from "./archiveReading.ts"
import * as contentDigest from "./contentDigest.ts"
import * as gzip from "./gzip.ts"
import { canonical } from "./json.ts"
import * as streamEnds from "./streamEnds.ts"
import type { Ends } from "./streamEnds.ts"

const fileOf = (n: number): string => `part-${String(n).padStart(6, "0")}.ndjson.gz`

const isSame = (self: Holds, that: Holds): boolean => canonical({ ...self } as Json) === canonical({ ...that } as Json)

/** What is known of what was written: of one that goes on behind a finished one that is more than its manifest says. */
const goingOn = Effect.fnUntraced(function* (folder: Folder) {
  const found = yield* reading.manifest(folder)
  if (found?.complete !== true) return found
  const bytes = yield* folder.read(manifests.progress)
  const more = bytes === undefined ? undefined : yield* Effect.option(manifests.fromBytes(folder.where, bytes))
  const isOf = more?._tag === "Some" && isSame(more.value.holds, found.holds) && more.value.events > found.events
  return isOf ? more.value : found
})

/** What an earlier call has written, all of it checked. */
const before = Effect.fnUntraced(function* (folder: Folder, holds: Holds) {
  const found = yield* goingOn(folder)
  const digest = contentDigest.make()
  const ends: Ends = new Map()
  let last: EncodedRecorded | undefined
  if (found === undefined) return { parts: [], digest, ends, last, found }
  if (!isSame(found.holds, holds)) {
    const problem = `it holds ${inWords(found.holds)}, and this one is to hold ${inWords(holds)}`
    return yield* Errors.because(folder.where, new Errors.OtherArchive({ problem }))
  }
  yield* Stream.runForEachArray(reading.readParts(folder, found.parts, 0), (events) => {
    last = events.at(-1)
    // What is wrong with them was not, when they were written.
    for (const event of events) streamEnds.take(ends, event)
    return digest.add(events)
  })
  yield* reading.agrees(folder, found, { events: digest.count(), digest: yield* digest.value })
  return { parts: found.parts, digest, ends, last, found }
})

const inWords = (holds: Holds): string => {
  switch (holds._tag) {
    case "Store":
      return holds.system ? "a whole store with the library's own categories" : "a whole store"
    case "Categories":
      return `the categories ${holds.categories.join(", ")}`
    case "Streams":
      return holds.streams.length === 1 ? `the stream ${holds.streams[0]}` : `${holds.streams.length} streams`
    case "Before":
      return `everything before position ${holds.position}`
  }
}

export const write = Effect.fnUntraced(function* <E, R>(
  folder: Folder,
  holds: Holds,
  events: (
    after: Position.Position,
    last: EncodedRecorded | undefined,
    ends: Ends
  ) => Stream.Stream<EncodedRecorded, E, R>,
  { bytesPerPart = 4_000_000, eventsPerPart = 10_000, tell }: WriteOptions = {}
): Effect.fn.Return<Manifest, E | Errors.ArchiveError, R> {
  const { digest, ends, found, last, parts: written } = yield* before(folder, holds)
  // What is finished stays so until there is more of it that is.
  const isFinished = (yield* reading.manifest(folder))?.complete === true
  const parts: Array<Part> = [...written]
  let lines: Array<string> = []
  let ofPart: Array<EncodedRecorded> = []
  let size = 0

  const seal = Effect.fnUntraced(function* (complete: boolean) {
    const { version } = manifests
    const counted = { events: digest.count(), parts, digest: yield* digest.value }
    const manifest = yield* manifests.sealed({ format: "evolvent-archive", version, holds, complete, ...counted })
    const file = isFinished && !complete ? manifests.progress : manifests.file
    yield* folder.write(file, manifests.toBytes(manifest))
    if (tell !== undefined) yield* tell(manifest)
    return manifest
  })

  const closePart = Effect.fnUntraced(function* () {
    const [first, final] = [ofPart[0], ofPart.at(-1)]
    if (first === undefined || final === undefined) return
    const bytes = yield* gzip.pack(`${lines.join("\n")}\n`)
    const file = fileOf(parts.length + 1)
    yield* folder.write(file, bytes)
    yield* digest.add(ofPart)
    const sha256 = yield* contentDigest.sha256(bytes)
    const range = { first: first.position, last: final.position }
    parts.push({ file, events: ofPart.length, ...range, bytes: bytes.length, sha256 })
    lines = []
    ofPart = []
    size = 0
    yield* seal(false)
  })

  yield* Stream.runForEachArray(
    events(last?.position ?? Position.beginning, last, ends),
    Effect.fnUntraced(function* (page) {
      for (const event of page) {
        const line = toLine(event)
        lines.push(line)
        ofPart.push(event)
        size += line.length
        if (ofPart.length >= eventsPerPart || size >= bytesPerPart) yield* closePart()
      }
    })
  )
  yield* closePart()
  // Nothing was new: it is as it was.
  if (found?.complete === true && parts.length === written.length) {
    if (tell !== undefined) yield* tell(found)
    return found
  }
  return yield* seal(true)
})
