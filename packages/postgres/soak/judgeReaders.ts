// judgeReaders: compares what the readers were given with what is stored.
import * as EventFilter from "evolvent/EventFilter"
import { lines, tail, type ReaderLine } from "./journal.ts"
import { fileOf, readers, type Reader } from "./readers.ts"
import type { Log } from "./stored.ts"
import { up, type Watch } from "./watch.ts"
import type { StoreName } from "./workload.ts"

/** What the readers were given, and what of it is not so. */
export interface ReadersVerdict {
  delivered: number
  /** Stored, matching, at or below where a reader was, and never given to it. */
  missed: number
  /** Given again. */
  repeated: number
  /** Given after one that stands behind it. */
  inverted: number
  /** Given, and not stored there. */
  invented: number
  /** Subscriptions and reads that ended with an error. */
  failed: number
  /** The longest time in milliseconds, without outages, in which a reader could have been given an event and was not. */
  longestStall: number
  stalledReader: string
}

/** The positions of the events that a reader should be given. */
export const matching = ({ filter }: Reader, { events }: Log): ReadonlyArray<number> => {
  const matches = EventFilter.predicate(filter)
  return events.flatMap((event) => (matches(event) ? [event.position] : []))
}

type Line = ReaderLine | { readonly finding: string }

/** Reads the journals of all readers. */
export const judge = async (
  folder: string,
  logs: Readonly<Record<StoreName, Log>>,
  watch: Pick<Watch, "samples" | "outages">,
  tell: (problem: string) => void
): Promise<ReadersVerdict> => {
  const verdict: ReadersVerdict = {
    delivered: 0,
    missed: 0,
    repeated: 0,
    inverted: 0,
    invented: 0,
    failed: 0,
    longestStall: 0,
    stalledReader: ""
  }

  const one = async (reader: Reader): Promise<void> => {
    const log = logs[reader.store]
    const samples = watch.samples[reader.store]
    const at = new Map(log.events.map((event) => [event.position, event]))
    const due = matching(reader, log)
    const seen = new Set<number>()
    let next = 0
    let last = 0
    let lastTime = 0
    let sample = 0
    const pass = (through: number) => {
      for (; next < due.length && (due[next] ?? Infinity) <= through; next++) {
        const position = due[next] ?? 0
        if (seen.delete(position)) continue
        verdict.missed += 1
        tell(`"${reader.name}" is past ${through} and never got ${position} (${at.get(position)?.stream})`)
      }
    }
    for await (const line of lines<Line>(fileOf(folder, reader))) {
      if ("finding" in line) {
        verdict.failed += 1
        tell(`"${reader.name}": ${line.finding}`)
        continue
      }
      for (let i = 0; i < line.events.length; i += 2) {
        const position = Number(line.events[i])
        const event = at.get(position)
        verdict.delivered += 1
        if (event === undefined || tail(event.id) !== line.events[i + 1]) {
          verdict.invented += 1
          tell(`"${reader.name}" was given ${line.events[i + 1]} at ${position}, where ${event?.id} is`)
        } else if (seen.has(position) || position === last) {
          verdict.repeated += 1
          tell(`"${reader.name}" was given ${position} twice`)
        } else if (position < last) {
          // Behind what it has passed: out of order, or again.
          const again = (due[next] ?? Infinity) > position
          verdict[again ? "repeated" : "inverted"] += 1
          tell(`"${reader.name}" was given ${position} after ${last}`)
        }
        seen.add(position)
        last = Math.max(last, position)
      }
      const first = Number(line.events[0] ?? Infinity)
      if (first < Infinity) {
        while (sample < samples.length && (samples[sample]?.position ?? 0) < first) sample += 1
        const possible = Math.max(lastTime, samples[sample]?.t ?? line.t)
        const stall = up(watch.outages, possible, line.t)
        if (stall > verdict.longestStall) Object.assign(verdict, { longestStall: stall, stalledReader: reader.name })
        lastTime = line.t
      }
      pass(line.through)
    }
  }
  for (const reader of readers.flat()) await one(reader)
  return verdict
}
