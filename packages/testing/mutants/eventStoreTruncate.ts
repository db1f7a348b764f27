// Event stores that remove messages otherwise than they are to.
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { Mutant } from "./Mutant.ts"
import { reads } from "./Drivers.ts"

const youngest = DateTime.makeUnsafe(8e15)

export const eventStoreTruncate: ReadonlyArray<Mutant> = [
  {
    law: "EventStore 10.1",
    breaks: "what is removed may be of any age",
    by: {
      store: (store) => ({
        ...store,
        truncate: (stream, { before }) => store.truncate(stream, { before, recordedBefore: youngest })
      })
    }
  },
  {
    law: "EventStore 10.2",
    breaks: "a stream is read from where it once began",
    by: reads((request, driver) =>
      Effect.map(driver.read(request), (page) => {
        const [first] = page.events
        const isGone =
          request.filter._tag === "Stream" &&
          first?.category === "$bus" &&
          request.from?._tag === "Revision" &&
          request.from.revision < first.revision
        return isGone ? { ...page, events: [] } : page
      })
    )
  },
  {
    law: "EventStore 10.3",
    breaks: "events of any kind are said to be removed",
    by: {
      store: (store) => ({
        ...store,
        truncate: (stream, upTo) => Effect.ignore(store.truncate(stream, upTo))
      })
    }
  }
]
