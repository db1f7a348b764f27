// archives: streams leave the store for a folder, and come back from it.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stdio from "effect/Stdio"
import * as Archive from "evolvent/Archive"
import * as ArchiveFolder from "evolvent/ArchiveFolder"
import { onStore } from "./connection.ts"
import { consent } from "./consent.ts"
import { failed, misused } from "./failure.ts"
import * as known from "./known.ts"
import { count, result, say, shown } from "./output.ts"
import { streamOf } from "./selection.ts"

/** A folder of this machine. */
export const folderAt = (path: string) =>
  FileSystem.FileSystem.use((fs) => Effect.succeed(ArchiveFolder.onDisk(fs, path)))

/** The processors that have to have read what is to be removed: all that the store knows, but for those that are left out. */
const readersOf = Effect.fnUntraced(function* (app: string | undefined, ignored: ReadonlyArray<string>) {
  const all = yield* known.all(app)
  const out = new Set<string>()
  for (const name of ignored) out.add((yield* known.one(name)).checkpoint)
  return all.filter(({ checkpoint }) => !out.has(checkpoint))
})

/** Copies streams into a folder, checks the copy, and takes them out of the store. */
export const archive = (input: {
  readonly folder: string
  readonly streams: ReadonlyArray<string>
  readonly app: string | undefined
  readonly ignore: ReadonlyArray<string>
  readonly force: boolean
  readonly reason: string | undefined
  readonly yes: boolean
}) =>
  Effect.gen(function* () {
    const streams = yield* Effect.forEach(input.streams, streamOf)
    const names = input.streams.map(shown).join(", ")
    yield* consent(input.yes, `${names} will be copied into ${shown(input.folder)} and removed from the store.`)
    const folder = yield* folderAt(input.folder)
    const stdio = yield* Stdio.Stdio
    const tell = ({ events }: ArchiveFolder.Manifest) =>
      Effect.provideService(say(`${count(events, "event")} copied\n`), Stdio.Stdio, stdio)
    const { kept, manifest, removed } = yield* onStore(
      Effect.gen(function* () {
        const readers = yield* readersOf(input.app, input.ignore)
        const reason = input.reason === undefined ? {} : { reason: input.reason }
        return yield* Archive.archive(folder, { streams, readers, force: input.force, tell, ...reason })
      })
    )
    const document = { folder: input.folder, events: manifest.events, digest: manifest.digest, removed, kept }
    const text = `${count(removed.length, "stream")} with ${count(manifest.events, "event")} went into ${shown(input.folder)}.\n`
    yield* result(document, text)
    if (kept.length === 0) return
    const ends = kept.map(
      ({ revision, stream }) => `${stream} (${revision === undefined ? "no events" : `at revision ${revision}`})`
    )
    return yield* failed(
      `These streams were kept, since they grew meanwhile or hold nothing to archive: ${ends.join(", ")}.`
    )
  })

/** Brings archived streams back to where they stood. */
export const restore = (input: { readonly folder: string; readonly streams: ReadonlyArray<string> }) =>
  Effect.gen(function* () {
    const streams = yield* Effect.forEach(input.streams, streamOf)
    const folder = yield* folderAt(input.folder)
    if ((yield* ArchiveFolder.manifest(folder)) === undefined) return yield* noArchive(input.folder)
    const found = yield* onStore(Archive.restore(folder, streams.length === 0 ? {} : { streams }))
    const kept =
      found.kept.length === 0
        ? ""
        : ` Left alone, since they are not archived here: ${found.kept.map(shown).join(", ")}.`
    const text = `${count(found.restored.length, "stream")} came back from ${shown(input.folder)}.${kept}\n`
    yield* result({ folder: input.folder, ...found }, text)
  })

export const noArchive = (path: string) => misused(`There is no archive in ${path}: it has no manifest.json.`)

/** Checks all of an archive. */
export const verify = (path: string) =>
  Effect.gen(function* () {
    const folder = yield* folderAt(path)
    if ((yield* ArchiveFolder.manifest(folder)) === undefined) return yield* noArchive(path)
    const { digest, events, parts } = yield* Archive.verify(folder)
    const text = `${shown(path)} is whole: ${count(events, "event")} in ${count(parts.length, "part")}, digest ${shown(digest)}.\n`
    yield* result({ folder: path, ok: true, events, parts: parts.length, digest }, text)
  })
