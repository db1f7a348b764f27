// Where the events of archived streams are read from: nowhere, unless a layer of `Archive` says so.
import * as Context from "effect/Context"
import type * as Stream from "effect/Stream"
import type { Recorded } from "../EventData.ts"
import type { EventFilter } from "../EventFilter.ts"
import type { EventStoreError } from "../EventStoreError.ts"
import type { Position } from "../Position.ts"
import type { StreamName } from "../StreamName.ts"

/** An archive, as those who read through it see it. */
export interface Source {
  /** The events of a stream, in order; none where it has none of that stream. */
  readonly stream: (stream: StreamName) => Stream.Stream<Recorded, EventStoreError>
  /** The events behind a position that a filter means, in the order of their positions. */
  readonly read: (filter: EventFilter, after: Position) => Stream.Stream<Recorded, EventStoreError>
}

/** The archive in force. */
export const Current: Context.Reference<Source | undefined> = Context.Reference<Source | undefined>(
  "evolvent/Archive/Source",
  { defaultValue: () => undefined }
)
