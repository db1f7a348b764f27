// How far an import, a rebuild or a copy is, on standard error: a bar on a terminal, plain lines elsewhere.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type { RebuildProgress } from "evolvent/Processor"
import type { CopyProgress } from "evolvent/StoreCopy"
import type { Malformed, Watcher } from "./importer.ts"

const width = 30

/** Writes to standard error. A reader that went away is no reason to stop importing. */
export const toStderr = (text: string) =>
  Stdio.Stdio.use((stdio) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr())))

/** Writes to standard output. */
export const toStdout = (text: string) => Stdio.Stdio.use((stdio) => Stream.run(Stream.make(text), stdio.stdout()))

/** What is drawn on: how much is done, and lines that stay. */
interface Canvas {
  /** `done` from 0 to 1, and in words. */
  readonly set: (done: number, words: string) => void
  readonly note: (line: string) => Effect.Effect<void>
}

/**
 * Runs something that takes long and shows how far it is.
 *
 * On a terminal one line is drawn over and over; elsewhere there is a line for every tenth.
 */
const bar = Effect.fnUntraced(function* <A, E, R>(run: (canvas: Canvas) => Effect.Effect<A, E, R>) {
  const stdio = yield* Stdio.Stdio
  const terminal = yield* stdio.stderrIsTerminal
  const write = (text: string) => Effect.provideService(toStderr(text), Stdio.Stdio, stdio)
  let [now, drawn] = ["", ""]
  let tenth = 0
  const lines: Array<string> = []

  const draw = Effect.suspend(() => {
    if (!terminal) return lines.length === 0 ? Effect.void : write(lines.splice(0).join(""))
    if (now === drawn) return Effect.void
    drawn = now
    return write(`\r\u001b[K${drawn}`)
  })
  const canvas: Canvas = {
    note: (line) => Effect.andThen(write(`${terminal ? "\r\u001b[K" : ""}${line}\n${drawn}`), draw),
    set: (done, words) => {
      const percent = `${Math.floor(done * 100)} %`.padStart(6)
      const full = Math.round(done * width)
      now = `${"█".repeat(full)}${"░".repeat(width - full)}${percent}  ${words}`
      if (!terminal && Math.floor(done * 10) > tenth) {
        tenth = Math.floor(done * 10)
        lines.push(`${percent.trimStart()}  ${words}\n`)
      }
    }
  }
  const redraw = Effect.forever(Effect.andThen(Effect.sleep("100 millis"), draw))
  return yield* Effect.raceFirst(run(canvas), redraw).pipe(
    Effect.ensuring(
      Effect.andThen(draw, terminal ? Effect.suspend(() => write(drawn === "" ? "" : "\n")) : Effect.void)
    )
  )
})

/** Runs an import with a watcher that shows its progress. Malformed rows are told as they come, with file and line. */
export const show = <A, E, R>(run: (watcher: Watcher) => Effect.Effect<A, E, R>) =>
  bar(({ note, set }) =>
    run({
      malformed: (one) => note(inWords(one)),
      progress: ({ done, invoices, rows }) => set(done, `${count(rows, "row")}, ${count(invoices, "invoice")}`)
    })
  )

/** A rebuild of one of some read models, and how far it is. */
export interface Rebuilding {
  readonly name: string
  readonly place: number
  readonly of: number
  readonly progress: RebuildProgress
}

/** Shows how far the rebuild of some read models is. */
export const showRebuild = <E, R>(rebuild: Stream.Stream<Rebuilding, E, R>) =>
  bar(({ set }) =>
    Stream.runForEach(rebuild, ({ name, of, place, progress: { done, rate, remaining, total } }) =>
      Effect.sync(() => {
        const left = remaining === undefined ? "" : `, ${Math.ceil(Duration.toSeconds(remaining))} s left`
        const words = `${name}: ${done.toLocaleString("en-GB")} of ${count(total, "position")}, ${Math.round(rate).toLocaleString("en-GB")} a second${left}`
        set((place + (total === 0 ? 1 : done / total)) / of, words)
      })
    )
  )

/** Shows how far a copy of the store is. */
export const showCopy = <E, R>(copy: Stream.Stream<CopyProgress, E, R>) =>
  bar(({ set }) =>
    Stream.runForEach(copy, ({ done, events, phase, rate, remaining, total }) =>
      Effect.sync(() => {
        const left = remaining === undefined ? "" : `, ${Math.ceil(Duration.toSeconds(remaining))} s left`
        const speed = `${Math.round(rate).toLocaleString("en-GB")} a second${left}`
        const words = { copying: speed, verifying: "reading it back", done: "read back, and equal" }[phase]
        // What is copied has yet to be read back.
        set(
          phase === "done" ? 1 : Math.min(0.99, total === 0 ? 1 : done / total),
          `${count(events, "event")}, ${words}`
        )
      })
    )
  )

/** A malformed row as editors can follow it: file, line, problem. */
export const inWords = ({ file, line, problem }: Malformed): string => `${file}:${line}: ${problem}`

const count = (n: number, what: string): string => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`
