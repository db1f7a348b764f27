// The snapshot store in memory: for each stream, the newest snapshot of each fingerprint.
import * as Effect from "effect/Effect"
import { SnapshotStore } from "../../SnapshotStore.ts"
import type { Snapshot } from "../../SnapshotStore.ts"
import type { StreamName } from "../../StreamName.ts"

/** A new, empty store. */
export const make = (): SnapshotStore["Service"] => {
  const byStream = new Map<StreamName, Map<string, Snapshot>>()
  return SnapshotStore.of({
    load: (stream, fingerprint) => Effect.sync(() => byStream.get(stream)?.get(fingerprint)),
    save: (snapshot) =>
      Effect.sync(() => {
        const ofStream = byStream.get(snapshot.stream) ?? new Map<string, Snapshot>()
        byStream.set(snapshot.stream, ofStream)
        const stored = ofStream.get(snapshot.fingerprint)
        if (stored === undefined || stored.revision <= snapshot.revision) ofStream.set(snapshot.fingerprint, snapshot)
      }),
    remove: (stream) => Effect.sync(() => void byStream.delete(stream))
  })
}
