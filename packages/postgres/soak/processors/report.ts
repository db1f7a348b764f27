// report: what the soak of processors found, for people, and whether it may pass.
import type { Done } from "./chaos.ts"
import type { Verdict } from "./judge.ts"
import type { Troubles } from "./writers.ts"

/** What the soak found. */
export interface Report extends Verdict, Done {
  readonly seed: string
  readonly server: string
  readonly seconds: number
  readonly processes: number
  readonly troubles: Troubles
  /** Events that were parked in the end, and processors that did not come to the end. */
  readonly leftParked: number
  readonly unsettled: number
  /** How long it took until everything was handled, once nobody disturbed any more. */
  readonly settleSeconds: number
  /** Times in which a process stood still and nobody had stopped it. */
  readonly stalls: number
  /** Processes that ended by themselves, processors that stopped, and other things that should not be. */
  readonly accidents: number
  readonly findings: ReadonlyArray<string>
}

const mustBeNothing = [
  "missed",
  "doubled",
  "reordered",
  "rowsWrong",
  "overlaps",
  "unleased",
  "stolen",
  "foreign",
  "leftParked",
  "unsettled",
  "accidents"
] as const

// Several kills in a row may hit whoever takes a key over; what nobody was cut in is over when a lease is, on an idle machine.
const longestAllowed = 15_000

/** Why it does not pass; nothing where it does. */
export const objections = (report: Report): ReadonlyArray<string> => {
  const found: Array<string> = mustBeNothing.flatMap((name) => (report[name] === 0 ? [] : [`${name}: ${report[name]}`]))
  if (report.longestUndisturbed > longestAllowed) {
    found.push(
      `a key waited ${(report.longestUndisturbed / 1000).toFixed(1)} s, and nothing had happened to its processes`
    )
  }
  if (report.kills < report.seconds / 10) found.push(`only ${report.kills} kills`)
  for (const name of ["stops", "takeovers", "partitionChanges", "events"] as const) {
    if (report[name] === 0) found.push(`no ${name}`)
  }
  if (report.troubles.parked === 0) found.push("nothing was parked")
  if (report.seconds > 30 && report.fromStopped === 0) found.push("nothing was taken from a stopped process")
  return found
}

/** The report in lines. */
export const format = (report: Report): string => {
  const { troubles } = report
  const passed = objections(report)
  return [
    `seed ${report.seed}, PostgreSQL ${report.server}, ${report.seconds.toFixed(0)} s, settled after ${report.settleSeconds.toFixed(1)} s more`,
    `kills ${report.kills}, stops ${report.stops} (and ${report.stalls} stalls), processes ${report.processes}, partition changes ${report.partitionChanges}`,
    `takeovers ${report.takeovers} slots, ${report.fromStopped} of them from stopped processes`,
    `events ${report.events}, of them ${troubles.appended} that failed at first; up to ${troubles.parked} parked at once, ${report.leftParked} left`,
    `the reactor began ${report.handlings} times, ${report.repeats} of them again after a cut`,
    `missed ${report.missed}, doubled ${report.doubled}, reordered ${report.reordered}, wrong rows ${report.rowsWrong}`,
    `overlaps ${report.overlaps}, begun without a lease ${report.unleased}, leases taken too early ${report.stolen}, checkpoints moved by others ${report.foreign}`,
    `longest gap ${(report.longestGap / 1000).toFixed(2)} s (${report.gapOf})`,
    `  without a cut ${(report.longestUndisturbed / 1000).toFixed(2)} s (${report.undisturbedOf})`,
    `accidents ${report.accidents}`,
    ...report.findings.map((finding) => `  ${finding}`),
    passed.length === 0 ? "Passed." : `Not passed: ${passed.join("; ")}.`
  ].join("\n")
}
