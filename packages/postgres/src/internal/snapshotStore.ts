// The snapshot store: a row for each stream and fingerprint; saving is one statement that never lowers the revision.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Effect from "effect/Effect"
import { Unavailable } from "evolvent/EventStoreError"
import * as Position from "evolvent/Position"
import * as Revision from "evolvent/Revision"
import { SnapshotStore, SnapshotStoreError } from "evolvent/SnapshotStore"
import type { Snapshot } from "evolvent/SnapshotStore"
import type { Database } from "./Database.ts"
import { entryProblem, messageProblem, textProblem } from "./readModelTableLimits.ts"
import { loadSnapshot } from "./sql/loadSnapshot.ts"
import { removeSnapshots } from "./sql/removeSnapshots.ts"
import { saveSnapshot } from "./sql/saveSnapshot.ts"
import { explain } from "./sqlErrors.ts"

const failed = (operation: string, problem: string, cause?: unknown) =>
  new SnapshotStoreError({
    operation: `SnapshotStore.${operation}`,
    reason: new Unavailable(cause === undefined ? { problem } : { problem, cause })
  })

/** The snapshots of a database. */
export const make = (db: Database): SnapshotStore["Service"] => {
  const load = loadSnapshot(db.schema)
  const save = saveSnapshot(db.schema)
  const remove = removeSnapshots(db.schema)
  const maxMessage = db.sql.config.maxMessageSize

  const run = (operation: string, text: string, params: ReadonlyArray<unknown>) =>
    Effect.mapError(db.run(text, params), (error) => failed(operation, explain(error).problem, error))

  // No snapshot is lost by it: reading goes on without one.
  const unstorable = ({ fingerprint, state, stream }: Snapshot): string | undefined => {
    const names = textProblem(stream + fingerprint) ?? entryProblem(stream, fingerprint)
    if (names !== undefined) return `the name of ${stream}, or its fingerprint, ${names}`
    const problem = textProblem(state) ?? messageProblem(state, maxMessage)
    return problem === undefined ? undefined : `the state of ${stream} ${problem}`
  }

  return SnapshotStore.of({
    load: (stream, fingerprint) =>
      textProblem(stream + fingerprint) !== undefined
        ? Effect.succeed(undefined)
        : Effect.map(run("load", load, [PgTypes.text(stream), PgTypes.text(fingerprint)]), ([row]) =>
            row === undefined
              ? undefined
              : {
                  stream,
                  fingerprint,
                  revision: Revision.make(Number(row[0])),
                  position: Position.make(Number(row[1])),
                  state: String(row[2])
                }
          ),
    save: (snapshot) =>
      Effect.suspend(() => {
        const problem = unstorable(snapshot)
        if (problem !== undefined) return Effect.fail(failed("save", problem))
        const { fingerprint, position, revision, state, stream } = snapshot
        const params = [
          PgTypes.text(stream),
          PgTypes.text(fingerprint),
          PgTypes.int8(BigInt(revision)),
          PgTypes.int8(BigInt(position)),
          PgTypes.text(state)
        ]
        return Effect.asVoid(run("save", save, params))
      }),
    remove: (stream) =>
      textProblem(stream) !== undefined ? Effect.void : Effect.asVoid(run("remove", remove, [PgTypes.text(stream)]))
  })
}
