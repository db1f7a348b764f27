// journal: what a process of the soak did, line by line in a file, so that a kill -9 leaves all of it but half a line.
import * as fs from "node:fs"
import * as readline from "node:readline"
import type { EventId } from "evolvent/EventId"
import type { Expected } from "evolvent/EventStore"
import type { StreamName } from "evolvent/StreamName"
import type { StoreName } from "./workload.ts"

/** An append as it was about to be sent. */
export interface Planned {
  readonly stream: StreamName
  readonly expected: Expected
  readonly ids: ReadonlyArray<EventId>
  /** Within a savepoint that is undone. */
  readonly undone: boolean
}

/** Where the last event of an append stands; null where nothing of it may be stored. */
export type Stored = { readonly revision: number; readonly position: number } | null

/** A line of a writer. One that has nothing but `try` may or may not have been stored, unless it is a transaction. */
export type WriterLine =
  | {
      readonly k: "try"
      readonly op: number
      readonly store: StoreName
      readonly kind: Kind
      readonly appends: ReadonlyArray<Planned>
    }
  /** A transaction is about to COMMIT; before this line nothing of it may ever be seen. */
  | { readonly k: "commit"; readonly op: number; readonly results: ReadonlyArray<Stored> }
  | { readonly k: "ok"; readonly op: number; readonly results: ReadonlyArray<Stored> }
  | { readonly k: "no"; readonly op: number; readonly why: "conflict" | "reused" | "rolled back" | "failed" }
  /** Something that a writer saw for itself and that must not be. */
  | { readonly k: "finding"; readonly problem: string }

/**
 * How an operation was made: through the layer, or by hand on its functions or their steps. A misuse brings ids that are
 * stored as something else.
 */
export const kinds = [
  "append",
  "repeat",
  "twin",
  "race",
  "interrupt",
  "all",
  "transaction",
  "functions",
  "steps",
  "misuse"
] as const
export type Kind = (typeof kinds)[number]

/** Whether an operation is a transaction of the caller's own, which is nothing before its COMMIT. */
export const isTransaction = (kind: Kind): boolean => kind === "transaction" || kind === "functions" || kind === "steps"

/** A line of a reader: when, how far, and the events as position and end of the id in turns. */
export interface ReaderLine {
  readonly t: number
  readonly through: number
  readonly events: ReadonlyArray<number | string>
}

/** What a reader keeps of an id. */
export const tail = (id: string): string => id.slice(-12)

/** A file that grows by lines; what was written is there when this returns. */
export const open = <Line>(file: string): ((line: Line) => void) => {
  const out = fs.openSync(file, "a")
  return (line) => void fs.writeSync(out, `${JSON.stringify(line)}\n`)
}

/** The lines of a file, without one that was cut off. */
export async function* lines<Line>(file: string): AsyncGenerator<Line> {
  if (!fs.existsSync(file)) return
  for await (const text of readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity })) {
    if (text.endsWith("}")) yield JSON.parse(text) as Line
  }
}
