// The whole store elsewhere: into another store or into a folder, and from a folder back; told as it goes, compared at the end.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as CliError from "effect/cli/CliError"
import type { ArchiveError } from "evolvent/ArchiveError"
import * as ArchiveFolder from "evolvent/ArchiveFolder"
import { EventStore } from "evolvent/EventStore"
import type { Services } from "evolvent/Memory"
import * as StoreCopy from "evolvent/StoreCopy"
import type { Choice } from "../storage.ts"
import * as Progress from "./progress.ts"

/** A folder is no archive, not a whole one, or cannot be used. */
export class UnusableArchive extends Schema.TaggedError<UnusableArchive>()("UnusableArchive", {
  problem: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [Runtime.errorReported] = false

  override get message(): string {
    return this.problem
  }

  override get [CliError.userMessage](): string {
    return this.message
  }
}

/** What a copy is said to be: both sides were read from end to end, each by itself. */
export interface Copied {
  readonly events: number
  readonly digest: string
  readonly to: string
  readonly equal: boolean
}

/** The stores by the names that `--store` and `--to` know; anything else is a folder. */
const stores: ReadonlyArray<string> = ["postgres", "nats", "memory"] satisfies ReadonlyArray<Choice["store"]>

export const isStore = (to: string): to is Choice["store"] => stores.includes(to)

const unusable = (error: ArchiveError) => Effect.fail(new UnusableArchive({ problem: error.message }))

/** Copies the store into a folder. */
export const intoFolder = Effect.fnUntraced(
  function* (to: string) {
    const folder = ArchiveFolder.onDisk(yield* FileSystem.FileSystem, to)
    yield* Progress.showCopy(StoreCopy.toFolder(folder))
    const { digest, events } = yield* StoreCopy.digest()
    const manifest = yield* ArchiveFolder.verify(folder)
    const copied: Copied = { events, digest, to, equal: manifest.digest === digest && manifest.events === events }
    return copied
  },
  Effect.catchTag("ArchiveError", unusable)
)

/** Copies a folder into the store. */
export const fromFolder = Effect.fnUntraced(
  function* (from: string) {
    const folder = ArchiveFolder.onDisk(yield* FileSystem.FileSystem, from)
    const manifest = yield* ArchiveFolder.verify(folder)
    yield* Progress.showCopy(StoreCopy.fromFolder(folder))
    const { digest, events } = yield* StoreCopy.digest()
    const copied: Copied = { events, digest, to: "store", equal: manifest.digest === digest }
    return copied
  },
  Effect.catchTag("ArchiveError", unusable)
)

/** Copies the store into another one, and gives what is to be looked at there. */
export const intoStore = Effect.fnUntraced(function* <E, E2, R2>(
  to: Choice["store"],
  target: Layer.Layer<Services, E>,
  look: Effect.Effect<void, E2, R2>
) {
  const there = yield* Layer.build(target)
  yield* Progress.showCopy(StoreCopy.toStore(Context.get(there, EventStore)))
  const { digest, events } = yield* StoreCopy.digest()
  const found = yield* Effect.provide(StoreCopy.digest(), there)
  const copied: Copied = { events, digest, to, equal: found.digest === digest && found.events === events }
  return { copied, look: Effect.provide(look, there) }
})
