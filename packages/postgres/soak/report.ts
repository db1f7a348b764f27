// report: what a soak found, for people and as JSON, and whether it may pass.
import type { Kills } from "./chaos.ts"
import { kinds } from "./journal.ts"
import type { ReadersVerdict } from "./judgeReaders.ts"
import type { WritersVerdict } from "./judgeWriters.ts"
import type { Faults } from "./stored.ts"

/** What a soak found. */
export interface Report extends WritersVerdict, ReadersVerdict, Faults {
  readonly seed: string
  readonly server: string
  readonly seconds: number
  /** Events that are stored. */
  readonly writes: number
  readonly readers: number
  readonly kills: Kills
  /** Readers that did not come to the end while only transactions were open that had appended nothing. */
  readonly stalled: number
  /** Processes that ended by themselves, and other things that should not be. */
  readonly accidents: number
  /** The first findings in words. */
  readonly findings: ReadonlyArray<string>
}

const mustBeNothing = [
  "missed",
  "repeated",
  "inverted",
  "lost",
  "unasked",
  "torn",
  "wrong",
  "holes",
  "duplicates",
  "spoiled",
  "invented",
  "failed",
  "stalled",
  "accidents"
] as const

/** Why a soak does not pass; nothing where it does. */
export const objections = (report: Report): ReadonlyArray<string> => {
  const { kills, seconds } = report
  const found: Array<string> = mustBeNothing.flatMap((name) => (report[name] === 0 ? [] : [`${name}: ${report[name]}`]))
  const perMinute = ((kills.processes + kills.servers) * 60) / seconds
  if (perMinute < 2) found.push(`only ${perMinute.toFixed(1)} kills of processes and servers a minute`)
  if (kills.redrawn === 0) found.push("no crash took back positions that were drawn")
  for (const kind of kinds) if (report.done[kind] === 0) found.push(`no operation of the kind "${kind}" went through`)
  return found
}

/** The report in lines. */
export const format = (report: Report): string => {
  const { kills } = report
  const passed = objections(report)
  return [
    `seed ${report.seed}, PostgreSQL ${report.server}, ${report.seconds.toFixed(0)} s`,
    `writes ${report.writes} events in ${report.appends} appends, ${report.conflicts} conflicts, ${report.repeats} repeats, ${report.unknown} never known`,
    `by ${kinds.map((kind) => `${kind} ${report.done[kind]}`).join(", ")}`,
    `kills ${kills.backends} backends, ${kills.processes} processes, ${kills.servers} servers; after ${kills.redrawn} of these, positions were drawn again`,
    `reads ${report.delivered} events to ${report.readers} readers`,
    `missed ${report.missed}, repeated ${report.repeated}, inverted ${report.inverted}, lost ${report.lost}`,
    `refused but stored ${report.unasked}, torn ${report.torn}, wrong answers ${report.wrong}, holes ${report.holes}, duplicate ids ${report.duplicates}, spoiled ${report.spoiled}, invented ${report.invented}, failed readers ${report.failed}`,
    `longest reader stall ${(report.longestStall / 1000).toFixed(2)} s (${report.stalledReader}), never came to the end ${report.stalled}`,
    ...report.findings.map((finding) => `  ${finding}`),
    passed.length === 0 ? "Passed." : `Not passed: ${passed.join("; ")}.`
  ].join("\n")
}
