// progress: a bar that is written over on a terminal, and now and then a line elsewhere; on stderr, away from the report.

/** Shows how far something has come. */
export interface Progress {
  readonly show: (done: number, of: number, words: string) => void
  readonly end: () => void
}

const width = 30

/** The progress of this process. */
export const make = (out: NodeJS.WriteStream = process.stderr): Progress => {
  let shown = -1
  return {
    show: (done, of, words) => {
      const percent = Math.floor((done / of) * (out.isTTY ? 1000 : 10))
      if (percent === shown) return
      shown = percent
      const filled = Math.round((done / of) * width)
      const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`
      out.write(
        out.isTTY
          ? `\r\u001b[2K${bar} ${done} of ${of}, ${words}`.slice(0, 12 + (out.columns ?? 80))
          : `${done} of ${of} worlds, ${words}\n`
      )
    },
    end: () => {
      if (out.isTTY) out.write("\r\u001b[2K")
    }
  }
}
