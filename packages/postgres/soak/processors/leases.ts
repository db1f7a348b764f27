// leases: what became of the leases and checkpoints of one slot, and who could rightly work on it at a time.
import type { Cut } from "./chaos.ts"
import type { Note } from "./tables.ts"

/** The history of a slot. */
export interface Slot {
  /** How often it went to another process. */
  readonly takeovers: number
  /** How often it was taken from a process that was stopped. */
  readonly fromStopped: number
  /** Leases that were taken while another process's still ran. */
  readonly stolen: number
  /** Checkpoints that moved by a process that did not hold the slot, or went back. */
  readonly foreign: number
  /** Whether a process had a valid lease. */
  readonly holds: (process: string, at: number) => boolean
  /** The longest part of a time in which none of those who held the slot was cut. */
  readonly undisturbed: (from: number, to: number) => number
  /** When the checkpoint first stood at a position or behind it. */
  readonly passed: (position: number) => number | undefined
}

/** The last index whose value is not above a limit; -1 for none. */
const lastUpTo = <A>(list: ReadonlyArray<A>, limit: number, of: (one: A) => number): number => {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (of(list[middle] as A) <= limit) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The history of a slot from its notes. */
export const make = (
  notes: ReadonlyArray<Note>,
  cutsOf: (process: string) => ReadonlyArray<Cut>,
  tell: (problem: string) => void
): Slot => {
  const owners: Array<{ readonly process: string | undefined; readonly at: number; readonly until: number }> = []
  const moves: Array<{ readonly position: number; readonly at: number }> = []
  let [takeovers, fromStopped, stolen, foreign] = [0, 0, 0, 0]
  let holder:
    | { readonly process: string; readonly token: number; readonly until: number; readonly free: boolean }
    | undefined
  for (const { at, position, process, token, until, what } of notes) {
    if (what === "move") {
      if (
        holder === undefined ||
        holder.free ||
        holder.process !== process ||
        position < (moves.at(-1)?.position ?? 0)
      ) {
        foreign += 1
        tell(`${process} moved a checkpoint to ${position}, but the slot was held by ${holder?.process ?? "nobody"}`)
      }
      moves.push({ position, at })
      continue
    }
    if (what === "lease" && holder !== undefined && holder.process !== process) {
      takeovers += 1
      const old = holder.process
      if (!holder.free && cutsOf(old).some(({ from, kind, to }) => kind === "stop" && from < at && at < to)) {
        fromStopped += 1
      }
      if (!holder.free && holder.until > at) {
        stolen += 1
        tell(`${process} took a slot whose lease ${old} held for another ${Math.round(holder.until - at)} ms`)
      }
    }
    if (what === "free" && holder !== undefined && !holder.free && holder.process !== process) {
      stolen += 1
      tell(`${process} gave back a slot that ${holder.process} held`)
    }
    holder = { process, token, until, free: what === "free" }
    owners.push({ process: what === "free" ? undefined : process, at, until })
  }
  return {
    takeovers,
    fromStopped,
    stolen,
    foreign,
    holds: (process, at) => {
      const owner = owners[lastUpTo(owners, at, (one) => one.at)]
      return owner !== undefined && owner.process === process && owner.until > at
    },
    undisturbed: (from, to) => {
      const here = owners.slice(
        Math.max(
          0,
          lastUpTo(owners, from, (one) => one.at)
        ),
        lastUpTo(owners, to, (one) => one.at) + 1
      )
      const cuts = [...new Set(here.map(({ process }) => process))].flatMap((process) => cutsOf(process ?? ""))
      const times = cuts.flatMap((cut) => [cut.from, cut.to]).filter((at) => from < at && at < to)
      const all = [from, ...times.sort((a, b) => a - b), to]
      return Math.max(...all.slice(1).map((at, i) => at - (all[i] ?? at)))
    },
    passed: (position) => moves[lastUpTo(moves, position - 1, (one) => one.position) + 1]?.at
  }
}
