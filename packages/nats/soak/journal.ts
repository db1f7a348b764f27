// journal: what a process of the soak did, line by line in a file, so that a kill -9 leaves all of it but half a line.
import * as fs from "node:fs"
import * as readline from "node:readline"
import type { EventId } from "evolvent/EventId"
import type { Expected } from "evolvent/EventStore"
import type { StreamName } from "evolvent/StreamName"

/** An append as it was about to be sent. */
export interface Planned {
  readonly stream: StreamName
  readonly expected: Expected
  readonly ids: ReadonlyArray<EventId>
}

/** Where the last event of an append stands. */
export interface Stored {
  readonly revision: number
  readonly position: number
}

/** How an append was made. A misuse brings ids that are stored as something else. */
export const kinds = ["append", "repeat", "twin", "race", "interrupt", "all", "misuse"] as const
export type Kind = (typeof kinds)[number]

/** A line of a writer. An append that has nothing but `try`, or messages nothing but `publish`, may be stored or not. */
export type WriterLine =
  | { readonly k: "try"; readonly op: number; readonly kind: Kind; readonly appends: ReadonlyArray<Planned> }
  | { readonly k: "ok"; readonly op: number; readonly ms: number; readonly results: ReadonlyArray<Stored> }
  | { readonly k: "no"; readonly op: number; readonly why: "conflict" | "reused" }
  /** Messages of a key, by their numbers, are about to be published for the first time. */
  | { readonly k: "publish"; readonly key: string; readonly from: number; readonly to: number }
  | { readonly k: "published"; readonly key: string; readonly to: number; readonly ms: number }
  /** A message is about to be published again. */
  | { readonly k: "again"; readonly key: string; readonly n: number }
  /** Something that a writer saw for itself and that must not be. */
  | { readonly k: "finding"; readonly problem: string }

/** A line of a reader: how far it came, and the events as position and end of the id in turns. */
export type ReaderLine =
  | { readonly through: number; readonly events: ReadonlyArray<number | string> }
  | { readonly finding: string }

/** A message that a group handled, and when. */
export type GroupLine =
  | { readonly group: string; readonly key: string; readonly n: number; readonly at: number }
  | { readonly finding: string }

/** A step of a checkpoint under a lease: about to be made, and made. */
export type LeaseLine =
  | { readonly k: "try" | "ok"; readonly name: string; readonly to: number; readonly token: number }
  | { readonly finding: string }

/** What a reader keeps of an id. */
export const tail = (id: string): string => id.slice(-12)

/** A file that grows by lines; what was written is there when this returns. */
export const open = <Line>(file: string): ((line: Line) => void) => {
  const out = fs.openSync(file, "a")
  // Whoever had it open before may have died within a line.
  fs.writeSync(out, "\n")
  return (line) => void fs.writeSync(out, `${JSON.stringify(line)}\n`)
}

/** The lines of a file, without those that were cut off. */
export async function* lines<Line>(file: string): AsyncGenerator<Line> {
  if (!fs.existsSync(file)) return
  for await (const text of readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity })) {
    if (!text.endsWith("}")) continue
    try {
      yield JSON.parse(text) as Line
    } catch {
      // Cut off behind a bracket.
    }
  }
}
