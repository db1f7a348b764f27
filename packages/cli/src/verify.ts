// verify: reads all of a store and looks whether it is what it promises: revisions dense, order kept, no id twice.
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import type { EncodedRecorded } from "evolvent/EventStore"
import * as StoreCopy from "evolvent/StoreCopy"
import * as StreamName from "evolvent/StreamName"
import * as Tombstone from "evolvent/Tombstone"
import * as archives from "./archives.ts"
import { onStore } from "./connection.ts"
import { failed } from "./failure.ts"
import { count, result } from "./output.ts"

// So many are told; whoever has more than that has to restore a backup, and not to read on.
const mostProblems = 100

interface Last {
  readonly revision: number
  readonly recordedAt: number
  readonly type: string
}

/** Checks events in the order in which they come; `add` gives what is wrong with each. */
export const checker = () => {
  const streams = new Map<string, Last>()
  const ids = new Set<string>()
  let position = 0
  const problemsOf = (event: EncodedRecorded): ReadonlyArray<string> => {
    const { category, id, recordedAt, revision, stream, type } = event
    const found: Array<string> = []
    const where = `${stream} ${revision} at position ${event.position}`
    const last = streams.get(stream)
    if (event.position <= position) found.push(`${where} does not stand behind position ${position}`)
    if (ids.has(id)) found.push(`${where} has the id ${id}, as another event has`)
    if (last === undefined) {
      // What came before a tombstone was removed; so were old messages of a bus.
      const mayBegin = revision === 0 || Tombstone.isTombstone({ type }) || StreamName.isSystemCategory(category)
      if (!mayBegin) found.push(`${where} is the first of its stream: revisions before ${revision} are missing`)
    } else {
      // What was appended between two copies may have gone with the removal.
      const isLeft = Tombstone.isTombstone({ type }) && revision > last.revision
      if (revision !== last.revision + 1 && !isLeft) found.push(`${where} follows revision ${last.revision}`)
      if (recordedAt < last.recordedAt) found.push(`${where} was recorded before the event in front of it`)
      if (Tombstone.isTombstone(last) && type !== Tombstone.restored && !Tombstone.isTombstone({ type })) {
        found.push(`${where} stands behind its stream's tombstone`)
      }
    }
    position = event.position
    ids.add(id)
    streams.set(stream, { revision, recordedAt, type })
    return found
  }
  return { problemsOf, streams: () => streams.size, events: () => ids.size }
}

const store = onStore(
  Effect.gen(function* () {
    const events = yield* EventStore
    const checked = checker()
    const problems: Array<string> = []
    yield* Stream.runForEachArray(events.readEncoded(EventFilter.all({ system: true })), (page) =>
      Effect.sync(() => {
        for (const event of page) if (problems.length < mostProblems) problems.push(...checked.problemsOf(event))
      })
    )
    const { digest } = yield* StoreCopy.digest({ system: true })
    const found = { streams: checked.streams(), events: checked.events(), digest }
    const lines = problems.map((problem) => `${problem}.\n`).join("")
    const whole = `The store is whole: ${count(found.events, "event")} in ${count(found.streams, "stream")}, digest ${digest}.\n`
    yield* result({ ok: problems.length === 0, ...found, problems }, problems.length === 0 ? whole : lines)
    if (problems.length === 0) return
    const many =
      problems.length < mostProblems ? count(problems.length, "problem") : `${mostProblems} problems, and more`
    return yield* failed(
      `The store is not what it promises: ${many}. Somebody wrote to its tables or streams by other ways.`
    )
  })
)

/** Checks the store, or an archive in a folder. */
export const verify = Effect.fnUntraced(function* ({ folder }: { readonly folder: string | undefined }) {
  return folder === undefined ? yield* store : yield* archives.verify(folder)
})
