// Shows how two texts differ, line by line: `-` was expected, `+` was found.

/** The lines of both texts in order; lines that differ are marked. */
export const difference = (expected: string, found: string): string => {
  const before = expected.split("\n")
  const after = found.split("\n")
  const common = commonLengths(before, after)
  const lines: Array<string> = []
  let i = 0
  let j = 0
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      lines.push(`  ${before[i]}`)
      i += 1
      j += 1
    } else if (i < before.length && (j >= after.length || at(common, i + 1, j) >= at(common, i, j + 1))) {
      lines.push(`- ${before[i]}`)
      i += 1
    } else {
      lines.push(`+ ${after[j]}`)
      j += 1
    }
  }
  return lines.join("\n")
}

const at = (table: ReadonlyArray<ReadonlyArray<number>>, i: number, j: number): number => table[i]?.[j] ?? 0

/** How many lines the rests of both texts have in common, from each pair of lines on. */
const commonLengths = (before: ReadonlyArray<string>, after: ReadonlyArray<string>) => {
  const table: Array<Array<number>> = Array.from({ length: before.length + 1 }, () => [])
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const row = table[i] ?? []
      row[j] = before[i] === after[j] ? at(table, i + 1, j + 1) + 1 : Math.max(at(table, i + 1, j), at(table, i, j + 1))
    }
  }
  return table
}
