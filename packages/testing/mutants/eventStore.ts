// Broken event stores, one for each law of an event store.
import type { Mutant } from "./Mutant.ts"
import { appending } from "./eventStoreAppend.ts"
import { content } from "./eventStoreContent.ts"
import { reading } from "./eventStoreRead.ts"
import { repeating } from "./eventStoreRepeat.ts"
import { subscribing } from "./eventStoreSubscribe.ts"

export const eventStore: ReadonlyArray<Mutant> = [...appending, ...repeating, ...reading, ...content, ...subscribing]
