// Timing for rows that compare: rounds in turn, so that a machine that slows down slows both; the median counts.

/** Something to time: one round of it, and how many operations a round is. */
export interface Contender {
  readonly name: string
  readonly operations: number
  readonly round: () => void | Promise<void>
}

/** The rates of two contenders and their ratio, each the median of its rounds. */
export interface Compared {
  readonly ours: number
  readonly peer: number
  readonly ratio: number
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

const rate = async ({ operations, round }: Contender): Promise<number> => {
  const start = performance.now()
  await round()
  return (operations / (performance.now() - start)) * 1000
}

/** Runs both in turn and gives the median rate of each, and the median of the ratios pair by pair. */
export const compare = async (ours: Contender, peer: Contender, rounds = 9): Promise<Compared> => {
  const pairs: Array<readonly [number, number]> = []
  // Two rounds for the compiler, not counted.
  for (let i = -2; i < rounds; i++) {
    const pair = [await rate(ours), await rate(peer)] as const
    if (i >= 0) pairs.push(pair)
  }
  return {
    ours: median(pairs.map(([a]) => a)),
    peer: median(pairs.map(([, b]) => b)),
    ratio: median(pairs.map(([a, b]) => a / b))
  }
}

/** The median rate of one contender. */
export const measure = async (contender: Contender, rounds = 5): Promise<number> => {
  await contender.round()
  const rates: Array<number> = []
  for (let i = 0; i < rounds; i++) rates.push(await rate(contender))
  return median(rates)
}
