// StoreCopy: all events of a store into a folder, from a folder, or from one store into another, whatever backends these are on.
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { ArchiveError } from "./ArchiveError.ts"
import type { Folder } from "./ArchiveFolder.ts"
import type { EventStore } from "./EventStore.ts"
import type { EventStoreError } from "./EventStoreError.ts"
import type { CopyRefused } from "./internal/copyRefused.ts"
import * as copying from "./internal/storeCopy.ts"
import * as digests from "./internal/storeDigest.ts"

/**
 * Which events travel: everything but the library's own `$` categories, unless it says otherwise.
 *
 * `categories` names some, and `$` ones only so one by one; `system` adds all of those to everything else. Parked events
 * (`$parked`), the bus and timers speak of positions and processors of the store that they are in, so they stay there;
 * checkpoints, leases, snapshots and read models are no events and never travel: what reads the copy begins anew.
 */
export interface Selection {
  readonly categories?: ReadonlyArray<string>
  readonly system?: boolean
}

/** What is copied, and how often one hears of it. */
export interface CopyOptions extends Selection {
  /** How often progress is told; 200 milliseconds unless given. */
  readonly every?: Duration.Input
}

/**
 * How far a copy is. `done` and `total` count positions of where the events come from, of which events are a part; `events`
 * is how many there are by now, those of an earlier call included; `rate` is events a second.
 *
 * The last one has the phase "done" and the `digest` of all events: what was copied was read back and has the same one.
 */
export interface CopyProgress {
  readonly phase: "copying" | "verifying" | "done"
  readonly done: number
  readonly total: number
  readonly rate: number
  /** How much longer it takes at that rate; undefined before there is one. */
  readonly remaining: Duration.Duration | undefined
  readonly events: number
  readonly digest: string | undefined
}

export { CopyRefused } from "./internal/copyRefused.ts"

/**
 * Copies the store into a folder.
 *
 * Killed at any step and called again it goes on behind the last whole part; called when it was finished it adds what is new, and
 * until that is done the folder can be read as it was. Of streams that are removed meanwhile, or were since the last call, it has
 * the tombstone; of one that came back since then it cannot have all (`TornStream`): begin another folder.
 * A folder that holds another store's events is refused (`ArchiveError`, `OtherArchive`). At the end all parts are read back.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 * import * as ArchiveFolder from "evolvent/ArchiveFolder"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as StoreCopy from "evolvent/StoreCopy"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   yield* store.append(StreamName.make("Account", "ada"), [{ type: "Opened", data: {} }, { type: "Closed", data: {} }])
 *   const folder = ArchiveFolder.inMemory()
 *   yield* Stream.runDrain(StoreCopy.toFolder(folder))
 *   const last = yield* Stream.runLast(StoreCopy.fromFolder(folder)).pipe(Effect.provide(Layer.fresh(Memory.layer)))
 *   const { digest, events } = yield* StoreCopy.digest()
 *   return last._tag === "Some" && [last.value.phase, last.value.events === events, last.value.digest === digest]
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Memory.layer))) // => ["done", true, true]
 * ```
 */
export const toFolder: (
  folder: Folder,
  options?: CopyOptions
) => Stream.Stream<CopyProgress, EventStoreError | ArchiveError, EventStore> = copying.toFolder

/**
 * Copies a folder that `toFolder` wrote into the store.
 *
 * Ids, streams, revisions, types, versions, data, metadata and the times at which events were recorded stay as they are, and
 * so does the order of all events; positions are the store's own. The store must hold none of the events' categories yet, or
 * exactly the first ones of the events: then it goes on behind them, so a copy that was killed is run again. Nobody else may
 * append meanwhile: who does is found out, at the latest when all is read back. On PostgreSQL it takes the owner's role.
 */
export const fromFolder: (
  folder: Folder,
  options?: Pick<CopyOptions, "every">
) => Stream.Stream<CopyProgress, EventStoreError | ArchiveError | CopyRefused, EventStore> = copying.fromFolder

/**
 * Copies the store into another one, as `fromFolder` does.
 *
 * ```ts
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Stream from "effect/Stream"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as StoreCopy from "evolvent/StoreCopy"
 *
 * const program = Effect.gen(function* () {
 *   const target = Context.get(yield* Layer.build(Layer.fresh(Memory.layer)), EventStore)
 *   return yield* Stream.runLast(StoreCopy.toStore(target))
 * })
 * const copied = Effect.scoped(program).pipe(Effect.provide(Memory.layer))
 * await Effect.runPromise(Effect.map(copied, (last) => last._tag === "Some" && last.value.phase)) // => "done"
 * ```
 */
export const toStore: (
  target: EventStore["Service"],
  options?: CopyOptions
) => Stream.Stream<CopyProgress, EventStoreError | CopyRefused, EventStore> = copying.toStore

/**
 * How many events a store holds, and one SHA-256 of all of them in their order, with everything of each but its position.
 *
 * Two stores with equal ones hold the same events in the same order, on whatever backends.
 */
export const digest: (
  selection?: Selection
) => Effect.Effect<{ readonly events: number; readonly digest: string }, EventStoreError, EventStore> = digests.digest
