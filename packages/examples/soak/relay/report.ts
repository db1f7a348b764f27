// report: what a relay came to, for people and as JSON, and whether it may pass.
import type { Kills } from "./chaos.ts"
import type { Verdict } from "./judge.ts"

/** What was found. */
export interface Report extends Verdict {
  readonly seed: string
  readonly servers: { readonly postgres: string; readonly nats: string }
  readonly asked: number
  readonly orders: number
  readonly seconds: number
  readonly writeSeconds: number
  readonly kills: Kills
  /** Nothing moved any more, and the other side had not come to the end. */
  readonly stuck: number
  readonly accidents: number
  /** The first findings in words. */
  readonly findings: ReadonlyArray<string>
}

const mustBeNothing = [
  "missed",
  "reordered",
  "invented",
  "spoiled",
  "wrongRows",
  "parked",
  "stuck",
  "accidents"
] as const

/** Why it does not pass; nothing where it does. */
export const objections = (report: Report): ReadonlyArray<string> => {
  const { asked, events, kills } = report
  const found: Array<string> = mustBeNothing.flatMap((name) => (report[name] === 0 ? [] : [`${name}: ${report[name]}`]))
  if (events !== asked) found.push(`only ${events} of ${asked} events were written`)
  if (kills.postgres === 0 || kills.nats === 0) found.push("not both servers were killed")
  return found
}

/** The report in lines. */
export const format = (report: Report): string => {
  const { events, kills, seconds, servers, writeSeconds } = report
  const found = objections(report)
  return [
    `seed ${report.seed}, PostgreSQL ${servers.postgres}, nats-server ${servers.nats}`,
    `${events} events of ${report.orders} orders written in ${writeSeconds.toFixed(0)} s, on the other side after ${seconds.toFixed(0)} s ` +
      `(${(events / seconds).toFixed(0)}/s)`,
    `kills ${kills.postgres} PostgreSQL, ${kills.nats} NATS, ${kills.relays} relays, ${kills.shipping} shipping`,
    `handled ${report.handled}, ${report.again} of them again`,
    `missed ${report.missed}, reordered ${report.reordered}, invented ${report.invented}, spoiled ${report.spoiled}, ` +
      `rows that are not the fold ${report.wrongRows}, parked ${report.parked}, stuck ${report.stuck}, accidents ${report.accidents}`,
    ...report.findings.map((finding) => `  ! ${finding}`),
    "A killed server keeps what it has handed to its machine; a power cut is not simulated here.",
    found.length === 0 ? "Passed." : `Not passed: ${found.join("; ")}.`
  ].join("\n")
}
