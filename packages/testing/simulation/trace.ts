// trace: what happened in a world, step by step, with simulated times; kept only where somebody wants to read it.

/** Takes steps, in their order. */
export interface Trace {
  readonly isKept: boolean
  /** A step of somebody; the text is made only where it is kept. */
  readonly step: (who: string, what: () => string) => void
  readonly lines: () => ReadonlyArray<string>
}

/** A trace by a clock in milliseconds. */
export const make = (isKept: boolean, now: () => number): Trace => {
  const lines: Array<string> = []
  return {
    isKept,
    step: (who, what) => {
      if (isKept) lines.push(`${(now() / 1000).toFixed(3).padStart(8)}  ${who.padEnd(8)} ${what()}`)
    },
    lines: () => lines
  }
}
