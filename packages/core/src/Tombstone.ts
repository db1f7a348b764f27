// Tombstone: the one event that is left of a stream which was removed, saying whether it was archived or deleted for good.
import type { Recorded } from "./EventData.ts"

/**
 * What became of a stream: `$archived` says that a copy of it is elsewhere, `$deleted` that there is none.
 *
 * `events` is how many events it had, and `last`, of one that was archived, the id of the last of them: no other events come
 * back in their place. `archive` where the copy is, `reason` why, where that was said. Who did it is the
 * actor of the event's metadata.
 */
export interface Tombstone {
  readonly _tag: "$archived" | "$deleted"
  readonly events: number
  readonly last?: string
  readonly archive?: string
  readonly reason?: string
}

/** The types of tombstones: `EventFilter.category("Account", { types: Tombstone.types })` follows what is removed. */
export const types: ReadonlyArray<Tombstone["_tag"]> = ["$archived", "$deleted"]

/** The type of the event that says of an archived stream that it has its events back, and goes on. */
export const restored = "$restored"

/** Whether a type is one of those that the store itself writes into other streams than its own; nobody else can. */
export const isReserved = (type: string): boolean => isType(type) || type === restored

const isType = (type: string): type is Tombstone["_tag"] => type === "$archived" || type === "$deleted"

/** Whether an event is a tombstone. A stream that ends in one takes no events. */
export const isTombstone = (event: { readonly type: string }): boolean => isType(event.type)

/**
 * What a stored event says about the stream that it is left of; undefined for every other event.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as EventFilter from "evolvent/EventFilter"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as Revision from "evolvent/Revision"
 * import * as StreamName from "evolvent/StreamName"
 * import * as Tombstone from "evolvent/Tombstone"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   const ada = StreamName.make("Account", "ada")
 *   yield* store.append(ada, [{ type: "Opened", data: {} }, { type: "Closed", data: {} }])
 *   yield* store.remove(ada, { as: "deleted", expected: Revision.make(1), reason: "asked to be forgotten" })
 *   const left = yield* Stream.runCollect(store.read(EventFilter.all()))
 *   return left.map((event) => [event.revision, Tombstone.of(event)])
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer)))
 * // => [[2, { _tag: "$deleted", events: 2, reason: "asked to be forgotten" }]]
 * ```
 */
export const of = ({ data, type }: Pick<Recorded<unknown>, "type" | "data">): Tombstone | undefined =>
  // Only the store writes these types, in this shape.
  isType(type) ? { ...(data as Omit<Tombstone, "_tag">), _tag: type } : undefined
