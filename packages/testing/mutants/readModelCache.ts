// A broken cache of rows, for its law.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as ReadModel from "evolvent/ReadModel"
import type { Mutant } from "./Mutant.ts"

/** Hears of events late, and of nothing that this process was promised. */
const deaf = Layer.merge(
  Layer.effect(
    EventStore,
    Effect.map(EventStore, (store): EventStore["Service"] => ({
      ...store,
      subscribe: (filter, options) => Stream.tap(store.subscribe(filter, options), () => Effect.sleep("20 millis"))
    }))
  ),
  Layer.effect(
    CheckpointStore,
    Effect.map(CheckpointStore, (store): CheckpointStore["Service"] => ({ ...store }))
  )
)

export const keepingRows: ReadonlyArray<Mutant> = [
  {
    law: "Processor 17.13",
    breaks: "a row is kept whatever was promised",
    by: {
      functions: (functions) => ({
        ...functions,
        layerCached: (options) => Layer.provide(ReadModel.layerCached(options), deaf)
      })
    }
  }
]
