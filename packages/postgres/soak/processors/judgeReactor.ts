// judgeReactor: what the outside world saw of the reactor: each event, in order, twice only where a cut explains it.
import type { Cut } from "./chaos.ts"
import { slotName } from "./domain.ts"
import type { Slot } from "./leases.ts"
import type { Event } from "./log.ts"
import type { Line } from "./tables.ts"

/** What the reactor did, and what of it should not be. */
export interface ReactorVerdict {
  /** Handlings that were begun again after a cut, as may be. */
  repeats: number
  missed: number
  /** Begun again without a cut, or after the checkpoint had passed. */
  doubled: number
  reordered: number
  /** Two processes at events of one key at once, without a cut. */
  overlaps: number
  /** Begun by a process that had no valid lease, without a cut. */
  unleased: number
}

interface Handling {
  readonly line: Line
  readonly slot: string
  end: number | undefined
  failed: boolean
}

// A process that was stopped may begin one more before it learns what happened; a statement of a killed one may still run.
const grace = 1500

/** Judges it. `handledAgain` says when a parked event was handled at last, by event and key. */
export const judge = (
  lines: ReadonlyArray<Line>,
  log: ReadonlyArray<Event>,
  cutsOf: (process: string) => ReadonlyArray<Cut>,
  slotOf: (name: string) => Slot,
  checkpoint: string,
  handledAgain: ReadonlyMap<string, number | undefined>,
  tell: (problem: string) => void
): ReactorVerdict => {
  const verdict: ReactorVerdict = { repeats: 0, missed: 0, doubled: 0, reordered: 0, overlaps: 0, unleased: 0 }
  const all = new Map<string, Handling>()
  for (const line of lines) {
    const handling = all.get(line.handling)
    if (line.what === "begin") {
      all.set(line.handling, { line, slot: slotName(checkpoint, line.stream), end: undefined, failed: false })
    } else if (handling !== undefined) {
      handling.end = line.at
      handling.failed = line.what === "failed"
    }
  }
  const begun = [...all.values()].sort((a, b) => a.line.at - b.line.at)
  const bySlotAndProcess = Map.groupBy(begun, ({ line, slot }) => `${slot} ${line.process}`)

  /** Whether what a process began at a time can be in disorder: it stood still, or was no more. */
  const isCutAt = (process: string, at: number): boolean =>
    cutsOf(process).some(({ from, kind, to }) => at >= from && (kind === "kill" || at <= to + grace))

  /** Whether a cut came into a handling, or after it and before the process began another one of the slot. */
  const isCut = (handling: Handling): boolean => {
    const { at, process } = handling.line
    if (isCutAt(process, at)) return true
    const next = (bySlotAndProcess.get(`${handling.slot} ${process}`) ?? []).find(({ line }) => line.at > at)
    return cutsOf(process).some(({ from }) => from >= at && (next === undefined || from <= next.line.at))
  }

  for (const { line, slot } of begun) {
    if (slotOf(slot).holds(line.process, line.at) || isCutAt(line.process, line.at)) continue
    verdict.unleased += 1
    tell(`${line.process} began ${line.stream} ${line.revision} without a lease of ${slot}`)
  }

  const byEvent = Map.groupBy(begun, ({ line }) => line.event)
  for (const event of log) {
    const ofEvent = (byEvent.get(event.id) ?? []).filter(({ failed }) => !failed)
    if (!ofEvent.some(({ end }) => end !== undefined)) {
      verdict.missed += 1
      tell(`the reactor never handled ${event.stream} ${event.revision}`)
    }
    const slot = slotOf(slotName(checkpoint, event.stream))
    const name = `${event.id} ${event.stream}`
    const committed = handledAgain.has(name) ? handledAgain.get(name) : slot.passed(event.position)
    for (const [i, handling] of ofEvent.entries()) {
      const next = ofEvent[i + 1]
      if (next === undefined) break
      const isLate = committed !== undefined && next.line.at > committed
      // Whoever is woken begins what it was about to, and cannot commit it.
      if (isCutAt(next.line.process, next.line.at) || (isCut(handling) && !isLate)) verdict.repeats += 1
      else {
        verdict.doubled += 1
        const why = isLate ? "after its checkpoint had passed" : "though nothing had cut it"
        tell(`the reactor handled ${event.stream} ${event.revision} again by ${next.line.process}, ${why}`)
      }
    }
  }

  for (const [stream, ofStream] of Map.groupBy(begun, ({ line }) => line.stream)) {
    let last = -1
    for (const { end, failed, line } of ofStream) {
      if (end === undefined || failed || line.revision <= last) continue
      if (line.revision !== last + 1) {
        verdict.reordered += 1
        tell(`the reactor handled ${stream} ${line.revision} after ${last}`)
      }
      last = line.revision
    }
    let before: Handling | undefined
    for (const handling of ofStream) {
      const { at, process } = handling.line
      const isOver = before === undefined || before.line.process === process || (before.end ?? Infinity) <= at
      if (!isOver && before !== undefined && !isCut(before) && !isCutAt(process, at)) {
        verdict.overlaps += 1
        tell(
          `${before.line.process} and ${process} were at ${stream} at once, at ${before.line.revision} and ${handling.line.revision}`
        )
      }
      before = handling
    }
  }
  return verdict
}
