// Prints the demo: headings, lines, tables; in colour on a terminal, plain elsewhere.
import { Console } from "effect"

const coloured = process.stdout.isTTY && !("NO_COLOR" in process.env)

const paint =
  (code: number) =>
  (text: string): string =>
    coloured ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)
export const yellow = paint(33)

/** The heading of a chapter, and what it is about. */
export const chapter = (title: string, about: string) => Console.log(`\n${bold(title)}\n${dim(about)}\n`)

/** One line of a chapter. */
export const say = (text: string) => Console.log(text === "" ? "" : `  ${text}`)

/** What someone did, and how it went. */
export const tell = (who: string, what: string) => say(`${who.padEnd(10)}${what}`)

/** Rows under a header; columns that hold numbers are flushed right. */
export const table = (header: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const columns = header.map((name, i) => {
    const cells = rows.map((row) => row[i] ?? "")
    const right = cells.length > 0 && cells.every((cell) => /^-?[\d,.]+$/.test(cell))
    return { right, width: Math.max(name.length, ...cells.map((cell) => cell.length)) }
  })
  const line = (cells: ReadonlyArray<string>): string =>
    columns
      .map(({ right, width }, i) => (cells[i] ?? "")[right ? "padStart" : "padEnd"](width))
      .join("   ")
      .trimEnd()
  return Console.log([dim(line(header)), ...rows.map(line)].map((text) => `  ${text}`).join("\n"))
}

/** A bar that is full to a share between 0 and 1. */
export const bar = (share: number): string => {
  const full = Math.round(share * 24)
  return `${green("█".repeat(full))}${dim("░".repeat(24 - full))} ${`${Math.floor(share * 100)} %`.padStart(5)}`
}

export const whole = (n: number): string => n.toLocaleString("en-GB")
