// Audit: who did what, what caused an event and what it led to. It only reads, from any event store.
import * as Stream from "effect/Stream"
import type { Recorded } from "./EventData.ts"
import * as EventFilter from "./EventFilter.ts"
import type { EventStore, ReadOptions } from "./EventStore.ts"
import type { EventStoreError } from "./EventStoreError.ts"
import { between } from "./internal/between.ts"
import type { Range } from "./internal/between.ts"

export { EventNotFound } from "./internal/auditErrors.ts"
export { forest } from "./internal/auditForest.ts"
export type { Node } from "./internal/auditForest.ts"
export { render } from "./internal/auditRender.ts"
export type { RenderOptions } from "./internal/auditRender.ts"
export { tree } from "./internal/auditTree.ts"
export type { Tree, TreeOptions } from "./internal/auditTree.ts"
export type { Place, Range } from "./internal/between.ts"

/** Which events: those that are all of what is given, between two places. */
export interface Search extends Range {
  /** Who asked for it. */
  readonly actor?: string
  /** The conversation that it is part of. */
  readonly correlationId?: string
  /** The event that caused it, itself and not through others; see {@link tree} for all that it led to. */
  readonly causationId?: string
  /** The command that wrote it, where that had an id. */
  readonly commandId?: string
  /** Among which events to look; all unless given. */
  readonly filter?: EventFilter.EventFilter
  readonly direction?: ReadOptions["direction"]
}

const keys = ["actor", "correlationId", "causationId", "commandId"] as const

/**
 * Who did what: the events of an actor, a conversation, a cause or a command, in the order of the store.
 *
 * Stores have no index on metadata, since every append would pay for it: what lies between `from` and `to` is read, a page
 * at a time, and what is not asked for is passed over. A log of millions takes seconds; bounds and a `filter` make it
 * shorter, `Stream.take` ends it early. A time is exact: `from` and `to` include what was recorded then.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as Audit from "evolvent/Audit"
 * import { EventStore } from "evolvent/EventStore"
 * import * as Memory from "evolvent/Memory"
 * import * as Metadata from "evolvent/Metadata"
 * import * as StreamName from "evolvent/StreamName"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* EventStore
 *   const append = (type: string) => store.append(StreamName.make("Door", "1"), [{ type, data: {} }])
 *   yield* append("Opened").pipe(Metadata.provide({ actor: "ada" }))
 *   yield* append("Closed").pipe(Metadata.provide({ actor: "grace" }))
 *   yield* append("Locked").pipe(Metadata.provide({ actor: "ada" }))
 *   const events = yield* Stream.runCollect(Audit.by({ actor: "ada" }))
 *   return events.map(({ type }) => type)
 * })
 * Effect.runSync(program.pipe(Effect.provide(Memory.layer))) // => ["Opened", "Locked"]
 * ```
 */
export const by = (search: Search = {}): Stream.Stream<Recorded, EventStoreError, EventStore> => {
  const { direction, filter = EventFilter.all() } = search
  const asked = keys.filter((key) => search[key] !== undefined)
  const events = between(filter, search, direction)
  return asked.length === 0
    ? events
    : Stream.filter(events, ({ metadata }) => asked.every((key) => metadata[key] === search[key]))
}
