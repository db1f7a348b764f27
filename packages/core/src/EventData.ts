// EventData and Recorded: an event to be stored, and the same event as a store gives it back.
import type * as DateTime from "effect/DateTime"
import type { Json } from "effect/Schema"
import type { EventId } from "./EventId.ts"
import type { Metadata } from "./Metadata.ts"
import type { Position } from "./Position.ts"
import type { Revision } from "./Revision.ts"
import type { StreamName } from "./StreamName.ts"

/**
 * An event to be stored.
 *
 * `id` is given where an append must be repeatable from elsewhere, else a new UUIDv7; `schemaVersion` is the version
 * of this type's payload, 1 unless given; `data` is JSON.
 *
 * ```ts
 * import type { EventData } from "evolvent/EventData"
 *
 * const deposited: EventData = { type: "Deposited", data: { amount: 100 } }
 * deposited.type // => "Deposited"
 * ```
 */
export interface EventData {
  readonly id?: EventId
  readonly type: string
  readonly schemaVersion?: number
  readonly data: Json
  readonly metadata?: Metadata
}

/**
 * An event as stored.
 *
 * `data` is the stored JSON, or the decoded event where an aggregate or a projection gives it; then `type` and
 * `schemaVersion` are those of today, whatever was stored (see `Upcaster`). `stream` is `category-streamId`; `revision` is
 * the place in the stream, `position` the place in the store; `recordedAt` never decreases along a stream.
 */
export interface Recorded<Data = Json, Category extends string = string, Type extends string = string> {
  readonly id: EventId
  readonly stream: StreamName
  readonly category: Category
  readonly streamId: string
  readonly revision: Revision
  readonly position: Position
  readonly type: Type
  readonly schemaVersion: number
  readonly data: Data
  readonly metadata: Metadata
  readonly recordedAt: DateTime.Utc
}
