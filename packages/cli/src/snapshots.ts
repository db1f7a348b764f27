// snapshots: forgets the snapshots of some streams; no answer changes by it, loads read more until there are new ones.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { EventStore } from "evolvent/EventStore"
import { SnapshotStore } from "evolvent/SnapshotStore"
import type { StreamName } from "evolvent/StreamName"
import { onStore } from "./connection.ts"
import { consent } from "./consent.ts"
import { count, result } from "./output.ts"
import { exists, filterOf } from "./selection.ts"

/** Clears the snapshots of a stream, of a category's streams, or of all; which streams there are is read from the log. */
export const clear = ({ what, yes }: { readonly what: string; readonly yes: boolean }) =>
  Effect.gen(function* () {
    const filter = yield* filterOf(what)
    yield* consent(yes, `The snapshots of ${what} will be deleted; loads are slower until there are new ones.`)
    yield* onStore(
      Effect.gen(function* () {
        const [store, snapshots] = [yield* EventStore, yield* SnapshotStore]
        const names = new Set<StreamName>()
        if (filter._tag === "Stream") {
          yield* exists(what)
          names.add(filter.stream)
        } else {
          yield* Stream.runForEachArray(store.readEncoded(filter), (page) =>
            Effect.sync(() => page.forEach(({ stream }) => names.add(stream)))
          )
          if (names.size === 0) yield* exists(what)
        }
        yield* Effect.forEach(names, (stream) => snapshots.remove(stream), { concurrency: 16, discard: true })
        yield* result({ streams: names.size }, `${count(names.size, "stream")} will be loaded without a snapshot.\n`)
      })
    )
  })
