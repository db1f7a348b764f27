// Reads a page of a stream's history: its events from a revision on, which exist without holes.
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import * as EventStore from "evolvent/EventStore"
import type { HistoryPage } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import type { StreamName } from "evolvent/StreamName"
import type { Database } from "./Database.ts"
import * as historyColumns from "./historyColumns.ts"
import * as historyRows from "./historyRows.ts"
import { toRecorded } from "./rows.ts"

// Up to so many events what the server saves by sending rows is more than what it costs to take them apart.
const fewEvents = 1024

// As many large events at a time, or of several versions.
const largeEvents = 50

/** Reads a page. */
export const make = (db: Database) => {
  const byRow = historyRows.make(db)
  const byColumn = historyColumns.make(db)
  const whole = `SELECT * FROM ${db.schema}.read_stream($1, $2, true, NULL, NULL, $3)`

  const oneByOne = (stream: StreamName, from: Revision.Revision, limit: number) => {
    const some = Math.min(limit, largeEvents)
    const params = [PgTypes.text(stream), PgTypes.int8(BigInt(from)), PgTypes.int4(some)]
    return Effect.map(db.run(whole, params), (found): HistoryPage => {
      const events = EventStore.decodePage(found.map(toRecorded))
      const last = events.at(-1)?.revision ?? from - 1
      const endsAt = found.length < some && last >= 0 ? Revision.make(last) : undefined
      return { histories: Arr.isReadonlyArrayNonEmpty(events) ? [EventStore.historyOf(events)] : [], endsAt }
    })
  }

  return (stream: StreamName, from: Revision.Revision, limit: number): Effect.Effect<HistoryPage, SqlError> =>
    Effect.flatMap((limit > fewEvents ? byColumn : byRow)(stream, from, limit), (page) =>
      page === undefined ? oneByOne(stream, from, limit) : Effect.succeed(page)
    )
}
