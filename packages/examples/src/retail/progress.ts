// How far an import is, on standard error: a bar on a terminal, plain lines elsewhere.
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type { Malformed, Watcher } from "./importer.ts"

const width = 30

/** Writes to standard error. A reader that went away is no reason to stop importing. */
export const toStderr = (text: string) =>
  Stdio.Stdio.use((stdio) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr())))

/** Writes to standard output. */
export const toStdout = (text: string) => Stdio.Stdio.use((stdio) => Stream.run(Stream.make(text), stdio.stdout()))

/**
 * Runs an import with a watcher that shows its progress.
 *
 * On a terminal one line is drawn over and over; elsewhere there is a line for every tenth. Malformed rows are told
 * as they come, with file and line.
 */
export const show = Effect.fnUntraced(function* <A, E, R>(run: (watcher: Watcher) => Effect.Effect<A, E, R>) {
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
  const watcher: Watcher = {
    malformed: (one) => Effect.andThen(write(`${terminal ? "\r\u001b[K" : ""}${inWords(one)}\n${drawn}`), draw),
    progress: ({ done, invoices, rows }) => {
      const counted = `${count(rows, "row")}, ${count(invoices, "invoice")}`
      const percent = `${Math.floor(done * 100)} %`.padStart(6)
      const full = Math.round(done * width)
      now = `${"█".repeat(full)}${"░".repeat(width - full)}${percent}  ${counted}`
      if (!terminal && Math.floor(done * 10) > tenth) {
        tenth = Math.floor(done * 10)
        lines.push(`${percent.trimStart()}  ${counted}\n`)
      }
    }
  }
  const redraw = Effect.forever(Effect.andThen(Effect.sleep("100 millis"), draw))
  return yield* Effect.raceFirst(run(watcher), redraw).pipe(
    Effect.ensuring(
      Effect.andThen(draw, terminal ? Effect.suspend(() => write(drawn === "" ? "" : "\n")) : Effect.void)
    )
  )
})

/** A malformed row as editors can follow it: file, line, problem. */
export const inWords = ({ file, line, problem }: Malformed): string => `${file}:${line}: ${problem}`

const count = (n: number, what: string): string => `${n.toLocaleString("en-GB")} ${what}${n === 1 ? "" : "s"}`
