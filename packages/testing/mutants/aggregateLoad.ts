// Broken ways of loading, one for each law of loading.
import type { Functions } from "@evolvent/testing/conformance"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Aggregate from "evolvent/Aggregate"
import * as Revision from "evolvent/Revision"
import { CurrentPolicy } from "evolvent/SnapshotStore"
import { ruled } from "./aggregateState.ts"
import type { Break, Mutant } from "./Mutant.ts"
import { anyShape } from "./snapshotStore.ts"

const loads = (load: Functions["load"]): Break => ({ functions: (functions) => ({ ...functions, load }) })

/** Broken loads. */
export const loading: ReadonlyArray<Mutant> = [
  {
    law: "Aggregate 18",
    breaks: "an entity without events has revision 0",
    by: loads((aggregate, id, options) =>
      Effect.map(Aggregate.load(aggregate, id, options), (found) =>
        options === undefined ? { ...found, revision: found.revision ?? Revision.make(0) } : found
      )
    )
  },
  {
    law: "Aggregate 19",
    also: ["Aggregate 27"],
    breaks: "with snapshots, a revision is loaded without its own event",
    by: loads((aggregate, id, options) =>
      Effect.flatMap(CurrentPolicy, (policy) => {
        const revision = options?.at?.revision
        const late = policy === undefined || revision === undefined || revision < 1
        return Aggregate.load(aggregate, id, late ? options : { at: { revision: revision - 1 } })
      })
    )
  },
  {
    law: "Aggregate 20",
    breaks: "a time is loaded without the events of that time",
    by: loads((aggregate, id, options) => {
      const time = options?.at?.time
      return Aggregate.load(
        aggregate,
        id,
        time === undefined ? options : { at: { time: DateTime.subtract(time, { milliseconds: 1 }) } }
      )
    })
  },
  {
    law: "Aggregate 21",
    breaks: "events of unknown types are passed over",
    by: {
      store: (store) => ({
        ...store,
        history: (stream, take, options) =>
          store.history(stream, (page) => (page.types.includes("Renamed") ? Effect.succeed(true) : take(page)), options)
      })
    }
  },
  {
    law: "Aggregate 22",
    breaks: "a snapshot is taken only at an exact multiple",
    by: ruled(({ every, ...rule }) =>
      every === undefined ? rule : { ...rule, when: ({ revision }) => (revision + 1) % every === 0 }
    )
  },
  {
    law: "Aggregate 23",
    breaks: "a snapshot says a revision too low",
    by: {
      snapshots: (store) => ({
        ...store,
        load: (stream, fingerprint) =>
          Effect.map(store.load(stream, fingerprint), (found) =>
            found?.revision === 7 ? { ...found, revision: Revision.make(6) } : found
          )
      })
    }
  },
  { law: "Aggregate 24", breaks: "a snapshot of another shape is loaded where there is none", by: anyShape }
]
