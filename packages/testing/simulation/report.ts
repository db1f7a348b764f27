// report: what many worlds came to, for people and as JSON.
import { kinds, none } from "./faults.ts"
import type { Fired } from "./faults.ts"
import type { Verdict } from "./simulate.ts"

/** What the worlds came to. */
export interface Report {
  readonly from: number
  readonly breaking: string | undefined
  worlds: number
  seconds: number
  simulatedSeconds: number
  events: number
  runs: number
  repeats: number
  readonly fired: Fired
  readonly broken: Array<{ readonly seed: number; readonly laws: ReadonlyArray<string> }>
}

/** Of no worlds yet. */
export const emptyReport = (from: number, breaking: string | undefined): Report => ({
  from,
  breaking,
  worlds: 0,
  seconds: 0,
  simulatedSeconds: 0,
  events: 0,
  runs: 0,
  repeats: 0,
  fired: none(),
  broken: []
})

/** Takes in what came of a world. */
export const add = (
  report: Report,
  { broken, events, fired, repeats, runs, seed, simulatedSeconds }: Verdict
): void => {
  report.worlds += 1
  report.events += events
  report.runs += runs
  report.repeats += repeats
  report.simulatedSeconds += simulatedSeconds
  for (const kind of kinds) report.fired[kind] += fired[kind]
  if (broken.length > 0) report.broken.push({ seed, laws: broken })
}

// Of a few worlds nobody expects that everything has happened in them.
const manyWorlds = 1000
const oftenEnough = 100

/** Why the worlds do not pass; nothing where they do. */
export const objections = ({ broken, fired, worlds }: Report): ReadonlyArray<string> => {
  const rare = worlds < manyWorlds ? [] : kinds.filter((kind) => fired[kind] < oftenEnough)
  return [
    ...broken.map(({ laws, seed }) => `seed ${seed} broke ${laws.length} laws`),
    ...rare.map((kind) => `"${kind}" fired only ${fired[kind]} times`)
  ]
}

const shownLaws = 5

const repeat = (seed: number, breaking: string | undefined): string =>
  `pnpm simulate --seed ${seed}${breaking === undefined ? "" : ` --break ${breaking}`}`

/** The report in lines. */
export const format = (report: Report): string => {
  const { breaking, broken, events, fired, repeats, runs, seconds, simulatedSeconds, worlds } = report
  const widest = Math.max(...kinds.map(({ length }) => length))
  const found = objections(report)
  return [
    `${worlds} worlds from seed ${report.from} in ${seconds.toFixed(1)} s (${(worlds / seconds).toFixed(1)} a second), ` +
      `${(simulatedSeconds / 3600).toFixed(1)} simulated hours`,
    `${events} events, ${runs} runs of handlers, ${repeats} of them again`,
    ...kinds.map((kind) => `  ${kind.padEnd(widest)} ${String(fired[kind]).padStart(8)}`),
    ...broken.flatMap(({ laws, seed }) => [
      `seed ${seed}: ${repeat(seed, breaking)}`,
      ...laws.slice(0, shownLaws).map((law) => `  ${law}`),
      ...(laws.length > shownLaws ? [`  and ${laws.length - shownLaws} more`] : [])
    ]),
    found.length === 0 ? "Every law held." : `Not passed: ${found.join("; ")}.`
  ].join("\n")
}

/** The trace of one world and what came of it. */
export const formatWorld = ({ broken, events, fired, repeats, runs, seed, simulatedSeconds, trace }: Verdict): string =>
  [
    ...trace,
    `seed ${seed}: ${simulatedSeconds.toFixed(1)} simulated seconds, ${events} events, ${runs} runs of handlers, ${repeats} of them again`,
    `faults: ${kinds.map((kind) => `${kind} ${fired[kind]}`).join(", ")}`,
    ...(broken.length === 0 ? ["Every law held."] : broken.map((law) => `BROKEN: ${law}`))
  ].join("\n")
