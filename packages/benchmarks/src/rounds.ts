// Rounds of several peers in turn, so that a machine that slows down slows all; the median of the ratios counts.
import type { PeerName } from "./options.ts"
import type { Answer } from "./peers/protocol.ts"
import { perSecond } from "./table.ts"
import type { Row } from "./table.ts"

/** What one round of a peer gave. */
export interface Measured {
  readonly rate: number
  readonly cpuMicros: number
  /** Milliseconds; 0 where operations are not timed one by one. */
  readonly p99: number
}

/** Rate and cost of an answer. */
export const measured = ({ count, cpuMicros, p99, seconds }: Answer): Measured => ({
  rate: count / seconds,
  cpuMicros: cpuMicros / count,
  p99
})

/** The peers and what each gave, round by round. */
export type Rounds = ReadonlyMap<PeerName, ReadonlyArray<Measured>>

/** Runs the rounds; each begins with another peer. */
export const inTurn = async (
  peers: ReadonlyMap<PeerName, (round: number) => Promise<Measured>>,
  rounds: number
): Promise<Rounds> => {
  const results = new Map<PeerName, Array<Measured>>()
  const names = [...peers.keys()]
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]
      const run = name === undefined ? undefined : peers.get(name)
      if (name === undefined || run === undefined) continue
      const result = await run(round)
      results.set(name, [...(results.get(name) ?? []), result])
    }
  }
  return results
}

/** The middle of some numbers. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2
}

const rateOf = (results: ReadonlyArray<Measured>): string => perSecond(median(results.map(({ rate }) => rate)))
const short = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0))
const cpuOf = (results: ReadonlyArray<Measured>): string => short(median(results.map(({ cpuMicros }) => cpuMicros)))
const p99Of = (results: ReadonlyArray<Measured>): string => short(median(results.map(({ p99 }) => p99)))

/** The ratios of two peers, round by round. */
export const ratios = (ours: ReadonlyArray<Measured>, theirs: ReadonlyArray<Measured>): ReadonlyArray<number> =>
  ours.map(({ rate }, round) => rate / (theirs[round]?.rate ?? Number.NaN))

/** From the least to the greatest. */
export const spreadOf = (values: ReadonlyArray<number>): string =>
  `${Math.min(...values).toFixed(2)}–${Math.max(...values).toFixed(2)}`

/**
 * One row for each peer that ours is compared with, and how many times its rate ours has to be at least. When ours did
 * not run, the rates of the others, without a verdict.
 */
export const rowsOf = (
  what: string,
  results: Rounds,
  budgets: ReadonlyArray<readonly [peer: PeerName, name: string, atLeast: number | undefined]>,
  oursIs: "ours" | "ours-jit" | "ours-nats" = "ours"
): ReadonlyArray<Row> => {
  const ours = results.get(oursIs)
  return budgets.flatMap(([peer, name, atLeast]): ReadonlyArray<Row> => {
    const theirs = results.get(peer)
    if (theirs === undefined) return []
    const timed = theirs.some(({ p99 }) => p99 > 0)
    const against = `${name} ${rateOf(theirs)}`
    if (ours === undefined) {
      return [
        { what, measured: "", against, cpu: `… / ${cpuOf(theirs)}`, ...(timed ? { p99: `… / ${p99Of(theirs)}` } : {}) }
      ]
    }
    const all = ratios(ours, theirs)
    const ratio = median(all)
    return [
      {
        what,
        measured: rateOf(ours),
        against,
        ratio,
        spread: spreadOf(all),
        cpu: `${cpuOf(ours)} / ${cpuOf(theirs)}`,
        ...(timed ? { p99: `${p99Of(ours)} / ${p99Of(theirs)}` } : {}),
        ...(atLeast === undefined ? {} : { budget: `≥ ${atLeast.toFixed(2)}×`, met: ratio >= atLeast })
      }
    ]
  })
}
