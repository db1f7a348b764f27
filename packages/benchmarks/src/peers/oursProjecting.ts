// How the peer "ours" catches up: a processor keeps a projection that is new, until it has handled the head.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import { countsNamed } from "../ledger.ts"
import type { Project } from "./protocol.ts"
import { start } from "./stopwatch.ts"

/** Adds up the read model, page by page: how many events it says there were. */
const sumOf = Effect.fnUntraced(function* (counts: ReturnType<typeof countsNamed>) {
  let sum = 0
  let after: ReadModel.Cursor | undefined
  do {
    const page: ReadModel.Page<{ readonly entries: number }> = yield* ReadModel.list(counts, { limit: 1000, after })
    for (const { row } of page.rows) sum += row.entries
    after = page.next
  } while (after !== undefined)
  return sum
})

/** Builds a read model from the beginning. */
export const projectCounts = Effect.fnUntraced(function* ({ events, name, partitions }: Project) {
  const store = yield* EventStore
  const counts = countsNamed(name)
  const head = yield* store.head
  const watch = start()
  yield* Effect.scoped(
    Effect.andThen(
      Layer.build(Processor.layer(Processor.projection(counts), { partitions })),
      Processor.waitFor(counts, head, { timeout: "10 minutes" })
    )
  )
  const answer = watch.answer(0, events)
  return { ...answer, proof: yield* sumOf(counts) }
})
