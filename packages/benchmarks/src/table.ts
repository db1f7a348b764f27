// The rows that a benchmark prints: what was measured, against what, and whether its budget is met.

/** One row; `budget` in words and whether it is met, where there is one. */
export interface Row {
  readonly what: string
  readonly measured: string
  readonly against?: string
  readonly ratio?: number
  readonly budget?: string
  readonly met?: boolean
}

/** A rate for people: 12 345/s. */
export const perSecond = (rate: number): string => `${Math.round(rate).toLocaleString("en").replaceAll(",", " ")}/s`

/** Prints rows in columns. */
export const print = (title: string, rows: ReadonlyArray<Row>): void => {
  const cells = rows.map(({ against = "", budget = "", measured, met, ratio, what }) => [
    what,
    measured,
    against,
    ratio === undefined ? "" : `${ratio.toFixed(2)}×`,
    budget,
    met === undefined ? "" : met ? "met" : "NOT MET"
  ])
  const header = ["what", "measured", "against", "ratio", "budget", ""]
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd()
  console.log(`\n${title}`)
  for (const row of [header, ...cells]) console.log(`  ${line(row)}`)
}
