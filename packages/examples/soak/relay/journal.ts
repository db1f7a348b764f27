// journal: which messages a group handled in a process, a line each: stream, revision, end of the id, and when.
import * as fs from "node:fs"
import * as readline from "node:readline"

/** A message that was handled. */
export interface Line {
  readonly stream: string
  readonly revision: number
  readonly id: string
  readonly at: number
}

/** What is kept of an id. */
export const tail = (id: string): string => id.slice(-12)

/** A file that grows by lines; what was written is there when this returns. */
export const open = (file: string): ((line: Line) => void) => {
  const out = fs.openSync(file, "a")
  return ({ at, id, revision, stream }) => void fs.writeSync(out, `${stream} ${revision} ${id} ${at} .\n`)
}

/** The lines of a file, without one that was cut off. */
export async function* lines(file: string): AsyncGenerator<Line> {
  for await (const text of readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity })) {
    const [stream = "", revision, id = "", at, end] = text.split(" ")
    if (end === ".") yield { stream, revision: Number(revision), id, at: Number(at) }
  }
}
