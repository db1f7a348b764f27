// judgeReaders: compares what the readers were given with what is stored.
import * as EventFilter from "evolvent/EventFilter"
import type { StreamName } from "evolvent/StreamName"
import { lines, tail, type ReaderLine } from "./journal.ts"
import { fileOf, readers, type Reader } from "./readers.ts"
import type { Log, StoredEvent } from "./stored.ts"
import type { Tally } from "./tally.ts"

/** The positions of the events that a reader should be given. */
export const matching = ({ filter }: Reader, { events }: Log): ReadonlyArray<number> => {
  const matches = EventFilter.predicate(filter)
  return events.flatMap(({ category, position, stream, type }) =>
    matches({ category, stream: stream as StreamName, type }) ? [position] : []
  )
}

/** Reads the journals of all readers. */
export const judge = async (folder: string, log: Log, { add, broke }: Tally): Promise<void> => {
  const at = new Map<number, StoredEvent>(log.events.map((event) => [event.position, event]))

  const one = async (reader: Reader): Promise<void> => {
    const { name } = reader
    const due = matching(reader, log)
    const given = new Set<number>()
    let next = 0
    let last = 0
    for await (const line of lines<ReaderLine>(fileOf(folder, reader))) {
      if ("finding" in line) {
        broke("failed", `"${name}": ${line.finding}`)
        continue
      }
      for (let i = 0; i < line.events.length; i += 2) {
        const position = Number(line.events[i])
        const event = at.get(position)
        add("delivered")
        if (event === undefined || tail(event.id) !== line.events[i + 1]) {
          broke("invented", `"${name}" was given ${line.events[i + 1]} at ${position}, where ${event?.id} is`)
        } else if (given.has(position)) broke("repeated", `"${name}" was given ${position} twice`)
        else if (position < last) broke("reordered", `"${name}" was given ${position} after ${last}`)
        given.add(position)
        last = Math.max(last, position)
      }
      for (; next < due.length && (due[next] ?? Infinity) <= line.through; next++) {
        const position = due[next] ?? 0
        if (given.has(position)) continue
        broke("missed", `"${name}" is past ${line.through} and never got ${position} (${at.get(position)?.stream})`)
      }
    }
  }
  for (const reader of readers.flat()) await one(reader)
}
