// The laws of an event store: what `EventStore` promises on every backend (1 to 9 of the contracts, 10 for the bus, 12 for streams that are removed, 14 for what is counted).
import type { EventStore } from "evolvent/EventStore"
import { appendingAll } from "./EventStoreAppendAllLaws.ts"
import { appending } from "./EventStoreAppendLaws.ts"
import { copyingAll } from "./EventStoreCopyLaws.ts"
import { counting } from "./EventStoreCountLaws.ts"
import { naming } from "./EventStoreFilterLaws.ts"
import { importing } from "./EventStoreImportLaws.ts"
import { ordering } from "./EventStoreOrderLaws.ts"
import { payload } from "./EventStorePayloadLaws.ts"
import { reading } from "./EventStoreReadLaws.ts"
import { removing } from "./EventStoreRemoveLaws.ts"
import { repeating } from "./EventStoreRepeatLaws.ts"
import { restoring } from "./EventStoreRestoreLaws.ts"
import { subscribing } from "./EventStoreSubscribeLaws.ts"
import { truncating } from "./EventStoreTruncateLaws.ts"
import type { Law } from "./Law.ts"

/** The laws of an event store. */
export const laws: ReadonlyArray<Law<EventStore>> = [
  ...appending,
  ...appendingAll,
  ...repeating,
  ...ordering,
  ...reading,
  ...naming,
  ...payload,
  ...subscribing,
  ...truncating,
  ...removing,
  ...restoring,
  ...importing,
  ...copyingAll,
  ...counting
]
