// Broken snapshot stores, one for each law of a snapshot store.
import * as Effect from "effect/Effect"
import type { Snapshot } from "evolvent/SnapshotStore"
import type { StreamName } from "evolvent/StreamName"
import type { Break, Mutant, Snapshots } from "./Mutant.ts"

const snapshots = (change: (store: Snapshots) => Partial<Snapshots>): Break => ({
  snapshots: (store) => ({ ...store, ...change(store) })
})

/** Saves where a test of the stored and the new revision lets it; elsewhere as it should. */
const saves = (how: (stored: Snapshot | undefined, next: Snapshot) => "force" | "skip" | "save"): Break =>
  snapshots((store) => ({
    save: (next) =>
      Effect.gen(function* () {
        const what = how(yield* store.load(next.stream, next.fingerprint), next)
        if (what === "skip") return
        if (what === "force") yield* store.remove(next.stream)
        yield* store.save(next)
      })
  }))

/** Falls back to a snapshot of another shape. */
export const anyShape: Break = snapshots((store) => {
  const last = new Map<string, Snapshot>()
  return {
    save: (next) =>
      Effect.andThen(
        Effect.sync(() => last.set(next.stream, next)),
        store.save(next)
      ),
    remove: (stream) =>
      Effect.andThen(
        Effect.sync(() => last.delete(stream)),
        store.remove(stream)
      ),
    load: (stream, fingerprint) => Effect.map(store.load(stream, fingerprint), (found) => found ?? last.get(stream))
  }
})

export const snapshotStore: ReadonlyArray<Mutant> = [
  {
    law: "SnapshotStore 1",
    breaks: "the state is written anew",
    by: snapshots((store) => ({
      save: (next) => store.save({ ...next, state: JSON.stringify(JSON.parse(next.state)) })
    }))
  },
  {
    law: "SnapshotStore 2",
    breaks: "the next revision does not take the place of an early snapshot",
    by: saves((stored, { revision }) =>
      stored !== undefined && revision === stored.revision + 1 && revision < 10 ? "skip" : "save"
    )
  },
  {
    law: "SnapshotStore 3",
    breaks: "a revision lower by one is taken",
    by: saves((stored, { revision }) => (stored !== undefined && revision === stored.revision - 1 ? "force" : "save"))
  },
  {
    law: "SnapshotStore 4",
    breaks: "the stored revision is looked at before the write, not under it",
    by: snapshots((store) => ({
      save: (next) =>
        Effect.gen(function* () {
          const stored = yield* store.load(next.stream, next.fingerprint)
          yield* Effect.yieldNow
          if (stored !== undefined && stored.revision > next.revision) return
          if ((yield* store.load(next.stream, next.fingerprint)) !== undefined) yield* store.remove(next.stream)
          yield* store.save(next)
        })
    }))
  },
  { law: "SnapshotStore 5", breaks: "a snapshot of another shape is loaded where there is none", by: anyShape },
  {
    law: "SnapshotStore 6",
    breaks: "streams are compared in lower case",
    by: snapshots((store) => {
      const lower = (stream: StreamName) => stream.toLowerCase() as StreamName
      return {
        save: (next) => store.save({ ...next, stream: lower(next.stream) }),
        remove: (stream) => store.remove(lower(stream)),
        load: (stream, fingerprint) =>
          Effect.map(store.load(lower(stream), fingerprint), (found) =>
            found === undefined ? undefined : { ...found, stream }
          )
      }
    })
  },
  {
    law: "SnapshotStore 7",
    breaks: "remove takes every stream whose name begins so",
    by: snapshots((store) => {
      const streams = new Set<StreamName>()
      return {
        save: (next) =>
          Effect.andThen(
            Effect.sync(() => streams.add(next.stream)),
            store.save(next)
          ),
        remove: (stream) =>
          Effect.forEach(
            [...streams].filter((one) => one.startsWith(stream)),
            store.remove,
            { discard: true }
          )
      }
    })
  }
]
