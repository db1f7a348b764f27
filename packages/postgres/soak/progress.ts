// progress: one line that is written over on a terminal, and plain lines elsewhere; on stderr, away from the report.

/** Shows how far something has come. */
export interface Progress {
  readonly show: (text: string) => void
  readonly end: () => void
}

/** The progress line of this process. */
export const line = (out: NodeJS.WriteStream = process.stderr): Progress => ({
  show: (text) => void out.write(out.isTTY ? `\r\u001b[2K${text.slice(0, (out.columns ?? 80) - 1)}` : `${text}\n`),
  end: () => {
    if (out.isTTY) out.write("\r\u001b[2K")
  }
})
