// Shelves: folders for archives that die, or that lose what they are given, and what archiving laws look at.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ArchiveFolder from "evolvent/ArchiveFolder"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import type * as Account from "./Account.ts"
import * as Fresh from "./Fresh.ts"

/** Deposits to some accounts in turns, so that their streams are mixed in the log; account `n` gets numbers from `100 n` on. */
export const fill = Effect.fnUntraced(function* (account: Account.Account, accounts: number, each: number) {
  const store = yield* EventStore
  const streams = Fresh.range(accounts).map((n) => StreamName.make(account.name, String(n)))
  for (const i of Fresh.range(each)) {
    for (const [n, stream] of streams.entries()) {
      yield* store.append(stream, [{ type: "Deposited", data: { amount: 100 * n + i } }], {
        expected: i === 0 ? "noStream" : Revision.make(i - 1)
      })
    }
  }
  return streams
})

/** All events of a category, as they stand. */
export const all = ({ name }: Account.Account) =>
  EventStore.use((store) => Stream.runCollect(store.read(EventFilter.category(name))))

/** The `n`th step of something that is to die there: with its write, or without. */
export const dying = (n: number, when: "before" | "after") => {
  let steps = 0
  return {
    steps: () => steps,
    step: <A, E, R>(write: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.suspend(() => {
        steps += 1
        if (steps !== n) return write
        return when === "before" ? Effect.die("killed") : Effect.andThen(write, Effect.die("killed"))
      })
  }
}

/** A folder whose writes are steps. */
export const stepping = (
  folder: ArchiveFolder.Folder,
  { step }: Pick<ReturnType<typeof dying>, "step">
): ArchiveFolder.Folder => ({ ...folder, write: (name, bytes) => step(folder.write(name, bytes)) })

/** A folder that keeps all but the end of each part. */
export const losing = (folder: ArchiveFolder.Folder): ArchiveFolder.Folder => ({
  ...folder,
  write: (name, bytes) => folder.write(name, name.startsWith("part") ? bytes.slice(0, -9) : bytes)
})

/** A new folder. */
export const shelf: Effect.Effect<ArchiveFolder.Folder> = Effect.map(Fresh.name("shelf"), (name) =>
  ArchiveFolder.inMemory(name)
)
