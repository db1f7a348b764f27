// archiveManifest: the manifest as a file: one that was changed, or that a newer release wrote, is told from one that is whole.
import * as Effect from "effect/Effect"
import type { Json } from "effect/Schema"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Errors from "../ArchiveError.ts"
import { sha256Text } from "./contentDigest.ts"
import { canonical } from "./json.ts"

/** Which events an archive holds. */
export const Holds = Schema.Union([
  /** All of a store, those of the `$` categories with `system`. */
  Schema.TaggedStruct("Store", { system: Schema.Boolean }),
  Schema.TaggedStruct("Categories", { categories: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Streams", { streams: Schema.Array(Schema.String) }),
  /** Everything before a position. */
  Schema.TaggedStruct("Before", { position: Schema.Int })
])
export type Holds = typeof Holds.Type

/** One file of events. */
export const Part = Schema.Struct({
  file: Schema.String,
  events: Schema.Int,
  first: Schema.Int,
  last: Schema.Int,
  bytes: Schema.Int,
  sha256: Schema.String
})
export type Part = typeof Part.Type

/** What the manifest says. */
export const Manifest = Schema.Struct({
  format: Schema.Literal("evolvent-archive"),
  version: Schema.Int,
  holds: Holds,
  complete: Schema.Boolean,
  events: Schema.Int,
  parts: Schema.Array(Part),
  digest: Schema.String,
  sha256: Schema.String
})
export type Manifest = typeof Manifest.Type

/** The newest version of the format that this release reads, and the one that it writes. */
export const version = 1

/** Its name; the first that is looked for, and the last that is written. */
export const file = "manifest.json"

/** What is written in its place while more is added to an archive that was finished, which can be read until then. */
export const progress = "progress.json"

/** The hash that a manifest bears of its other fields. */
export const hashOf = (manifest: Manifest): Effect.Effect<string> =>
  // What is undefined is not in it.
  sha256Text(canonical(JSON.parse(JSON.stringify({ ...manifest, sha256: undefined })) as Json))

/** A manifest with its hash. */
export const sealed = (fields: Omit<Manifest, "sha256">): Effect.Effect<Manifest> => {
  const open: Manifest = { ...fields, sha256: "" }
  return Effect.map(hashOf(open), (sha256) => ({ ...open, sha256 }))
}

/** The bytes of a manifest. */
export const toBytes = (manifest: Manifest): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(`${JSON.stringify(manifest, null, 1)}\n`)

const Head = Schema.Struct({ format: Schema.Literal("evolvent-archive"), version: Schema.Int })
const isHead = Schema.is(Head)
const decode = Schema.decodeUnknownOption(Manifest)

/** The manifest of bytes that hold one; it is checked against its hash. */
export const fromBytes = Effect.fnUntraced(function* (
  where: string,
  bytes: Uint8Array
): Effect.fn.Return<Manifest, Errors.ArchiveError> {
  const text = new TextDecoder().decode(bytes)
  const parsed = yield* Effect.try({
    try: (): unknown => JSON.parse(text),
    catch: () => Errors.because(where, new Errors.DamagedManifest({ problem: `${file} is not JSON` }))
  })
  if (!isHead(parsed)) {
    const problem = `${file} does not say that it is one ("format": "evolvent-archive")`
    return yield* Errors.because(where, new Errors.NotAnArchive({ problem }))
  }
  if (parsed.version > version) {
    return yield* Errors.because(where, new Errors.NewerArchive({ version: parsed.version, newest: version }))
  }
  const damaged = (problem: string) => Errors.because(where, new Errors.DamagedManifest({ problem }))
  const manifest = decode(parsed)
  if (Option.isNone(manifest)) return yield* damaged("fields are missing, or hold what they cannot")
  const { sha256 } = manifest.value
  const found = yield* hashOf(manifest.value)
  if (found !== sha256) return yield* damaged(`its hash is ${found}, and it says ${sha256}`)
  return manifest.value
})
