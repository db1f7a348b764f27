// archiveDisk: the files of an archive on a disk, written so that a power cut leaves whole files; and in memory.
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { because, StorageFailed } from "../ArchiveError.ts"
import type { Folder } from "../ArchiveFolder.ts"

/** What is needed of a file system; `effect/FileSystem` is one. That module is not stable yet, so it is not named here. */
export interface Disk<E> {
  readonly makeDirectory: (path: string, options: { readonly recursive: boolean }) => Effect.Effect<void, E>
  readonly exists: (path: string) => Effect.Effect<boolean, E>
  readonly readFile: (path: string) => Effect.Effect<Uint8Array, E>
  readonly rename: (from: string, to: string) => Effect.Effect<void, E>
  readonly open: (
    path: string,
    options: { readonly flag: "r" | "w" }
  ) => Effect.Effect<
    { readonly writeAll: (bytes: Uint8Array) => Effect.Effect<void, E>; readonly sync: Effect.Effect<void, E> },
    E,
    Scope
  >
}

/** The folder at a path. */
export const onDisk = <E extends Error>(fileSystem: Disk<E>, path: string): Folder => {
  const at = (name: string): string => `${path}/${name}`
  const failed = (name: string) =>
    Effect.mapError((cause: E) =>
      because(path, new StorageFailed({ file: at(name), problem: cause.message.replace(/\.$/, ""), cause }))
    )
  const flushed = (name: string, bytes: Uint8Array) =>
    Effect.scoped(
      Effect.flatMap(fileSystem.open(at(name), { flag: "w" }), (file) =>
        Effect.andThen(file.writeAll(bytes), file.sync)
      )
    )
  // That the name is there for good; not every system lets one open a folder.
  const named = Effect.ignore(Effect.scoped(Effect.flatMap(fileSystem.open(path, { flag: "r" }), ({ sync }) => sync)))
  return {
    where: path,
    read: (name) =>
      Effect.flatMap(fileSystem.exists(at(name)), (isThere) =>
        isThere
          ? Effect.map(fileSystem.readFile(at(name)), (bytes): Uint8Array<ArrayBuffer> | undefined =>
              Uint8Array.from(bytes)
            )
          : Effect.undefined
      ).pipe(failed(name)),
    write: (name, bytes) =>
      fileSystem
        .makeDirectory(path, { recursive: true })
        .pipe(
          Effect.andThen(flushed(`.${name}.new`, bytes)),
          Effect.andThen(fileSystem.rename(at(`.${name}.new`), at(name))),
          Effect.andThen(named),
          failed(name)
        )
  }
}

/** A folder in memory. */
export const inMemory = (where = "in memory", files = new Map<string, Uint8Array<ArrayBuffer>>()): Folder => ({
  where,
  read: (name) => Effect.sync(() => files.get(name)),
  write: (name, bytes) => Effect.sync(() => void files.set(name, Uint8Array.from(bytes)))
})
