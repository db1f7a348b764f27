// The rows that a benchmark prints: what was measured, against what, and whether its budget is met.

/** One row; `budget` in words and whether it is met, where there is one. */
export interface Row {
  readonly what: string
  readonly measured: string
  readonly against?: string
  readonly ratio?: number
  /** The least and the greatest ratio of the rounds. */
  readonly spread?: string
  /** Microseconds of the client's processor that one operation took: ours / theirs. */
  readonly cpu?: string
  /** Milliseconds within which 99 of 100 operations were done: ours / theirs. */
  readonly p99?: string
  readonly budget?: string
  readonly met?: boolean
}

/** A number for people: 12 345. */
export const grouped = (value: number): string => Math.round(value).toLocaleString("en").replaceAll(",", " ")

/** A rate for people: 12 345/s. */
export const perSecond = (rate: number): string => `${grouped(rate)}/s`

const columns: ReadonlyArray<readonly [header: string, cell: (row: Row) => string]> = [
  ["what", ({ what }) => what],
  ["measured", ({ measured }) => measured],
  ["against", ({ against = "" }) => against],
  ["ratio", ({ ratio }) => (ratio === undefined ? "" : `${ratio.toFixed(2)}×`)],
  ["spread", ({ spread = "" }) => spread],
  ["client µs", ({ cpu = "" }) => cpu],
  ["p99 ms", ({ p99 = "" }) => p99],
  ["budget", ({ budget = "" }) => budget],
  ["", ({ met }) => (met === undefined ? "" : met ? "met" : "NOT MET")]
]

/** Prints rows in columns; one that no row fills is left out. */
export const print = (title: string, rows: ReadonlyArray<Row>): void => {
  const used = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ""))
  const cells = rows.map((row) => used.map(([, cell]) => cell(row)))
  const header = used.map(([name]) => name)
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd()
  console.log(`\n${title}`)
  for (const row of [header, ...cells]) console.log(`  ${line(row)}`)
}
