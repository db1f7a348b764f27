// The checkpoint store keeps its laws.
import { laws } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Memory from "evolvent/Memory"
import { describe, it } from "vitest"
import { fresh } from "./support/FreshSchema.ts"

const { layer } = await fresh()
const services = Layer.merge(Memory.layer, layer)

// Law 10 is about appends in the same transaction, and belongs to the run of all services.
const own = laws.CheckpointStore.filter(({ id }) => !id.startsWith("CheckpointStore 10 "))

describe("CheckpointStore on PostgreSQL", () => {
  for (const { id, run } of own) it(id, () => Effect.runPromise(Effect.provide(run, services)), 120_000)
})
