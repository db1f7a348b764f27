// Audit.tree: which later events of a conversation are orphans, and which only have a cause outside of it.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import * as Audit from "../src/Audit.ts"
import * as EventId from "../src/EventId.ts"
import { EventStore } from "../src/EventStore.ts"
import * as Memory from "../src/Memory.ts"
import type * as Metadata from "../src/Metadata.ts"
import * as StreamName from "../src/StreamName.ts"

const append = Effect.fnUntraced(function* (type: string, metadata: Metadata.Metadata) {
  const store = yield* EventStore
  const id = yield* EventId.generate
  yield* store.append(StreamName.make("Note", type), [{ id, type, data: {}, metadata }])
  return id
})

describe("orphans", () => {
  it.effect("are events whose cause is nowhere, and not those whose cause is of another conversation", () =>
    Effect.gen(function* () {
      const asked = yield* append("asked", { correlationId: "one" })
      const other = yield* append("other", { correlationId: "another" })
      yield* append("joined", { correlationId: "one", causationId: other })
      const nothing = yield* EventId.generate
      const lost = yield* append("lost", { correlationId: "one", causationId: nothing })
      yield* append("after", { correlationId: "one", causationId: lost })
      const { effects, orphans } = yield* Audit.tree(asked)
      expect(effects).toEqual([])
      expect(orphans.map(({ effects, event }) => [event.type, effects.map(({ event }) => event.type)])).toEqual([
        ["lost", ["after"]]
      ])
    }).pipe(Effect.provide(Memory.layer))
  )
})
