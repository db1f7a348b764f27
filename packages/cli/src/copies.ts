// copies: all events of a store into a folder, and from a folder into an empty store.
import * as Effect from "effect/Effect"
import * as ArchiveFolder from "evolvent/ArchiveFolder"
import * as StoreCopy from "evolvent/StoreCopy"
import { folderAt, noArchive } from "./archives.ts"
import { onStore } from "./connection.ts"
import { count, result, shown } from "./output.ts"
import { show } from "./progress.ts"

const phase = ({ phase }: StoreCopy.CopyProgress): string => (phase === "verifying" ? "reading it back: " : "")

const tell = (folder: string, last: StoreCopy.CopyProgress | undefined, where: string) => {
  const { digest, events } = last ?? { digest: undefined, events: 0 }
  const text = `${count(events, "event")} are in ${shown(where)}, read back and equal, digest ${digest ?? "unknown"}.\n`
  return result({ folder, events, digest: digest ?? null }, text)
}

/** Copies the store into a folder; killed, it goes on where it was when it is called again. */
export const exportTo = (input: {
  readonly folder: string
  readonly categories: ReadonlyArray<string>
  readonly system: boolean
}) =>
  Effect.gen(function* () {
    const folder = yield* folderAt(input.folder)
    const which = input.categories.length === 0 ? { system: input.system } : { categories: input.categories }
    const last = yield* onStore(show(StoreCopy.toFolder(folder, which), phase))
    yield* tell(input.folder, last, input.folder)
  })

/** Copies a folder into the store, which holds none of it yet, or a part of this very copy. */
export const importFrom = (input: { readonly folder: string }) =>
  Effect.gen(function* () {
    const folder = yield* folderAt(input.folder)
    if ((yield* ArchiveFolder.manifest(folder)) === undefined) return yield* noArchive(input.folder)
    const last = yield* onStore(show(StoreCopy.fromFolder(folder), phase))
    yield* tell(input.folder, last, "the store")
  })
