// report: what the soak of a rebuild found, for people, and whether it may pass.
import type { Seen } from "./reader.ts"

/** What the soak found. */
export interface Report extends Omit<Seen, "problem"> {
  readonly seed: string
  readonly server: string
  /** Events that were stored before, and those that were written meanwhile. */
  readonly stored: number
  readonly written: number
  readonly counters: number
  readonly storeSeconds: number
  readonly keepSeconds: number
  /** From the first start of the rebuild to its end, with the kill and what it took to go on. */
  readonly rebuildSeconds: number
  /** From the kill until it was further than before. */
  readonly interruptedSeconds: number
  /** From when it had caught up but for a moment's writes, until the switch was done. */
  readonly switchSeconds: number
  /** Positions a second, of the rebuild that came to the end. */
  readonly rate: number
  /** The greatest memory of the rebuilding process in bytes. */
  readonly memory: number
  readonly kills: number
  /** How far the rebuild was when it was killed, and where it began again; positions. */
  readonly killedAt: number
  readonly resumedAt: number
  /** Events a second that the writers wrote before and during the rebuild. */
  readonly writesBefore: number
  readonly writesDuring: number
  /** The slowest append, in milliseconds. */
  readonly slowestWrite: number
  /** Rows that are not what the fold of the log gives. */
  readonly rowsWrong: number
  /** Progress that went back, or was more than all. */
  readonly oddProgress: number
  readonly unsettled: number
  readonly accidents: number
  readonly findings: ReadonlyArray<string>
}

const mustBeNothing = [
  "errors",
  "empty",
  "mixed",
  "back",
  "rowsWrong",
  "oddProgress",
  "unsettled",
  "accidents"
] as const

// Whoever keeps the rows lets go within a moment, or the length of its lease.
const longestSwitch = 15

/** Why it does not pass; nothing where it does. */
export const objections = (report: Report): ReadonlyArray<string> => {
  const found: Array<string> = mustBeNothing.flatMap((name) => (report[name] === 0 ? [] : [`${name}: ${report[name]}`]))
  if (report.kills === 0) found.push("the rebuild was over before it could be killed")
  else if (report.resumedAt === 0) found.push("the rebuild began at the beginning again")
  if (report.switchSeconds > longestSwitch) {
    found.push(`it took ${report.switchSeconds.toFixed(1)} s to switch, though it had caught up`)
  }
  for (const name of ["old", "new", "written"] as const) if (report[name] === 0) found.push(`no ${name}`)
  return found
}

const thousands = (n: number) => Math.round(n).toLocaleString("en-US").replaceAll(",", " ")

/** The report in lines. */
export const format = (report: Report): string => {
  const passed = objections(report)
  const slowdown = 100 * (1 - report.writesDuring / report.writesBefore)
  const share = (position: number) => `position ${thousands(position)}`
  return [
    `seed ${report.seed}, PostgreSQL ${report.server}`,
    `events ${thousands(report.stored)} of ${thousands(report.counters)} keys, stored in ${report.storeSeconds.toFixed(1)} s, first kept in ${report.keepSeconds.toFixed(1)} s; ${thousands(report.written)} written meanwhile`,
    `rebuilt in ${report.rebuildSeconds.toFixed(1)} s with a kill in its midst: ${thousands(report.stored / report.rebuildSeconds)} events/s; ${thousands(report.rate)} positions/s at the end, ${Math.round(report.memory / 2 ** 20)} MB`,
    `killed at ${share(report.killedAt)}, began again at ${share(report.resumedAt)}, and was further after ${report.interruptedSeconds.toFixed(1)} s; switched ${report.switchSeconds.toFixed(1)} s after it had caught up`,
    `writers ${report.writesBefore.toFixed(0)} events/s before, ${report.writesDuring.toFixed(0)} during (${slowdown.toFixed(0)} % less), slowest append ${report.slowestWrite.toFixed(0)} ms`,
    `readers ${thousands(report.reads)} reads, ${thousands(report.old)} of old rows and ${thousands(report.new)} of new ones, slowest ${report.slowest.toFixed(0)} ms`,
    `errors ${report.errors}, empty ${report.empty}, mixed ${report.mixed}, back to old ${report.back}, wrong rows ${report.rowsWrong}, odd progress ${report.oddProgress}, accidents ${report.accidents}`,
    ...report.findings.map((finding) => `  ${finding}`),
    passed.length === 0 ? "Passed." : `Not passed: ${passed.join("; ")}.`
  ].join("\n")
}
