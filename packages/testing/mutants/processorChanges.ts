// Broken live queries, one for each of their laws.
import type { Functions } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { Break, Mutant } from "./Mutant.ts"

const changes = (broken: Functions["changes"]): Break => ({
  functions: (functions) => ({ ...functions, changes: broken })
})

/** Folds the log instead of asking the read model. */
const fromTheLog = changes((projection, of) => {
  if (typeof of === "string" || of?.after === undefined) return ReadModel.changes(projection, of)
  const { after } = of
  return Stream.unwrap(EventStore.useSync((store) => Projection.scan(projection, followed(store, projection)))).pipe(
    Stream.filter(({ position }) => position > after)
  )
})

const followed = (store: EventStore["Service"], { filter }: { readonly filter: Processor.Target["filter"] }) =>
  Stream.flattenIterable(Stream.map(store.subscribe(filter), ({ events }) => events))

/** Waits until a processor stops, and dies of it. */
const dieWithIt = (target: Processor.Target) =>
  Effect.gen(function* () {
    while (true) {
      const stopped = yield* Effect.match(Processor.status(target), {
        onFailure: () => undefined,
        onSuccess: (status) => status.stopped
      })
      if (stopped !== undefined) return yield* Effect.die(stopped)
      yield* Effect.sleep(5)
    }
  })

/** Events of a type are not seen by who watches. */
const withoutThose = (type: string) =>
  changes((projection, of) =>
    Stream.updateService(ReadModel.changes(projection, of), EventStore, (store) => ({
      ...store,
      subscribe: (filter, options) =>
        Stream.map(store.subscribe(filter, options), (page) => ({
          ...page,
          events: page.events.filter((event) => event.type !== type)
        }))
    }))
  )

/** The rows that a rebuild replaced are not found by who watches. */
const withoutFormer = (how: "get" | "list") =>
  changes((projection, of) =>
    Stream.updateService(ReadModel.changes(projection, of), ReadModelStore, (store) => {
      const isFormer = (name: string) => name.includes(" rebuild ")
      return {
        ...store,
        get: (table, keys) => (how === "get" && isFormer(table.name) ? Effect.succeed([]) : store.get(table, keys)),
        list: (table, query) => (how === "list" && isFormer(table.name) ? Effect.succeed([]) : store.list(table, query))
      }
    })
  )

export const changing: ReadonlyArray<Mutant> = [
  {
    law: "Processor 17.1",
    breaks: "the row of a key is told only when it changes",
    by: changes((projection, of) =>
      typeof of === "string" ? Stream.drop(ReadModel.changes(projection, of), 1) : ReadModel.changes(projection, of)
    ),
    also: ["Processor 17.6"]
  },
  {
    law: "Processor 17.2",
    breaks: "the row of one stream is told once",
    by: changes((projection, of) =>
      projection.isKeyedByStream ? Stream.take(ReadModel.changes(projection, of), 1) : ReadModel.changes(projection, of)
    )
  },
  {
    law: "Processor 17.3",
    breaks: "after position 600 nothing is told",
    by: changes((projection, of) => Stream.filter(ReadModel.changes(projection, of), ({ position }) => position <= 600))
  },
  {
    law: "Processor 17.4",
    breaks: "changes are folded from the log, whatever the read model holds",
    by: fromTheLog,
    also: ["Processor 17.7", "Processor 17.9"]
  },
  {
    law: "Processor 17.5",
    breaks: "without a position the changes begin with the first event",
    by: changes((projection, of) => ReadModel.changes(projection, of ?? { after: Position.beginning }))
  },
  {
    law: "Processor 17.6",
    breaks: "rows that cannot be read for the moment are taken for gone",
    by: changes((projection, of) =>
      Stream.updateService(ReadModel.changes(projection, of), ReadModelStore, (store) => ({
        ...store,
        get: (table, keys) => Effect.catch(store.get(table, keys), () => Effect.succeed([]))
      }))
    )
  },
  {
    law: "Processor 17.7",
    breaks: "the changes end when the processor stops",
    by: changes((projection, of) =>
      Stream.merge(ReadModel.changes(projection, of), Stream.fromEffectDrain(dieWithIt(projection)))
    )
  },
  {
    law: "Processor 17.8",
    breaks: "a subscription stays behind",
    by: changes((projection, of) => {
      const whole = ReadModel.changes(projection, of)
      return Stream.unwrap(Effect.as(Effect.forkDetach(Stream.runForEach(whole, () => Effect.never)), whole))
    })
  },
  {
    law: "Processor 17.9",
    breaks: "every version is kept for a slow consumer",
    by: changes((projection, of) => Stream.buffer(ReadModel.changes(projection, of), { capacity: "unbounded" }))
  },
  { law: "Processor 17.10", breaks: "what is tried again is not told", by: withoutThose("Handled") },
  { law: "Processor 17.11", breaks: "a rebuild is not told", by: withoutThose("RebuildSwitched") },
  {
    law: "Processor 17.11",
    breaks: "a rebuild tells of rows that it left as they were",
    by: withoutFormer("get")
  },
  { law: "Processor 17.11", breaks: "rows that a rebuild took away are not told", by: withoutFormer("list") },
  { law: "Processor 17.12", breaks: "rows that are made anew by key are not told", by: withoutThose("RowsRebuilt") }
]
