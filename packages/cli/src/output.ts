// output: what commands print: tables and lines for people, JSON for programs; colours only on a terminal.
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { displayWidth } from "effect/cli/CliOutput"
import { failed, gone } from "./failure.ts"
import { isJson } from "./globals.ts"

/** Why standard output takes no more; undefined where whoever read it went away (`| head`). */
const problemOf = ({ reason }: PlatformError): string | undefined => {
  const { cause } = reason
  if (!(cause instanceof Error)) return reason.message
  return "code" in cause && ["EPIPE", "ERR_STREAM_DESTROYED"].includes(String(cause.code)) ? undefined : cause.message
}

/** Writes to standard output. A reader that went away ends the command, and is no error; a full disk is one. */
export const print = (text: string) =>
  Stdio.Stdio.use((stdio) =>
    Effect.mapError(Stream.run(Stream.make(text), stdio.stdout()), (error) => {
      const problem = problemOf(error)
      return problem === undefined ? gone : failed(`The output could not be written, and is not whole: ${problem}.`)
    })
  )

/** Writes to standard error, where what is no result belongs. */
export const say = (text: string) =>
  Stdio.Stdio.use((stdio) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr())))

/** A value as one line of JSON; bigints and undefined are nothing that it has. */
export const line = (value: unknown): string => `${JSON.stringify(value)}\n`

/** Prints a value for programs, or the text of it for people. */
export const result = (value: unknown, text: Effect.Effect<string> | string) =>
  Effect.flatMap(isJson, (json) =>
    json ? print(line(value)) : Effect.flatMap(typeof text === "string" ? Effect.succeed(text) : text, print)
  )

/** How words are set off on a terminal; as they are elsewhere. */
export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly yellow: (text: string) => string
  readonly green: (text: string) => string
}

const paint =
  (on: boolean, code: number, end = 39) =>
  (text: string): string =>
    on ? `\u001b[${code}m${text}\u001b[${end}m` : text

export const style: Effect.Effect<Style> = Effect.map(TerminalCapabilities, ({ canColor }): Style => ({
  bold: paint(canColor, 1, 22),
  dim: paint(canColor, 2, 22),
  red: paint(canColor, 31),
  yellow: paint(canColor, 33),
  green: paint(canColor, 32)
}))

// Control and format characters, and line ends of all alphabets: no stored text takes over a terminal.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A stored text as one that can be shown. */
export const shown = (text: string): string =>
  text.replace(unsafe, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`)

/** A number as people read it. */
export const number = (n: number): string => n.toLocaleString("en-GB")

/** So many of something. */
export const count = (n: number, what: string): string => `${number(n)} ${what}${n === 1 ? "" : "s"}`

/** A size as people read it. */
export const bytes = (n: number): string => {
  const units = ["B", "kB", "MB", "GB", "TB"]
  const power = n < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(n) / 3))
  return `${(n / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

/** One column of a table: what stands above it, and on which side its cells begin. */
export interface Column {
  readonly name: string
  readonly align?: "right"
}

/** A table as text: cells are shown safely, then painted. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  paintRow: (row: number, text: string) => string = (_, text) => text
): Effect.Effect<string> =>
  Effect.map(style, ({ bold }) => {
    const cells = rows.map((row) => row.map(shown))
    const widths = columns.map(({ name }, i) =>
      cells.reduce((most, row) => Math.max(most, displayWidth(row[i] ?? "")), displayWidth(name))
    )
    const join = (row: ReadonlyArray<string>): string =>
      columns
        .map(({ align }, i) => {
          const text = row[i] ?? ""
          const space = " ".repeat(Math.max(0, (widths[i] ?? 0) - displayWidth(text)))
          return align === "right" ? space + text : text + space
        })
        .join("  ")
        .trimEnd()
    const head = bold(join(columns.map(({ name }) => name)))
    return [head, ...cells.map((row, i) => paintRow(i, join(row)))].map((text) => `${text}\n`).join("")
  })
