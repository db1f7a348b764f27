// report: what a soak found, for people and as JSON, and whether it may pass.
import type { Phase } from "./phase.ts"
import { laws, type Count, type Law } from "./tally.ts"

/** What a soak found. */
export interface Report {
  readonly seed: string
  readonly phases: ReadonlyArray<Phase>
}

const sum = ({ phases }: Report, name: Law | Count): number =>
  phases.reduce((total, { tally }) => total + tally.is[name], 0)

/** Why a soak does not pass; nothing where it does. */
export const objections = (report: Report): ReadonlyArray<string> => {
  const found = laws.flatMap((law) => {
    const times = sum(report, law)
    return times === 0 ? [] : [`${law}: ${times}`]
  })
  for (const { kind, seconds, tally } of report.phases) {
    const { is } = tally
    if (is.appends === 0 || is.messages === 0 || is.commits === 0) found.push(`${kind}: nobody wrote`)
    if (is.delivered < is.events || is.handled < is.messages) found.push(`${kind}: too little was read`)
    // An election takes four to nine seconds, and then servers have to catch up.
    if (kind === "cluster" && is.leaderChanges < Math.min(10, Math.floor(seconds / 20))) {
      found.push(`only ${is.leaderChanges} leader changes in ${seconds.toFixed(0)} s`)
    }
    if (kind === "server" && is.serverKills === 0) found.push("no server was killed")
    if (kind === "network" && is.cuts + is.halfCloses === 0) found.push("no connection was cut")
    if (kind === "pressure" && (is.stops === 0 || is.takeovers === 0)) found.push("no lease was lost")
  }
  return found
}

const phaseLines = ({ kind, seconds, tally, version }: Phase): ReadonlyArray<string> => {
  const { is, longestOutage } = tally
  const trouble = {
    server: `${is.serverKills} kills and stops and ${is.serverPauses} stalls of the server`,
    cluster: `${is.serverKills} kills and ${is.serverPauses} stalls of servers, ${is.leaderChanges} leader changes`,
    network: `${is.cuts} cuts, ${is.halfCloses} half-closes, ${is.stalls} stalls, ${is.oneWay} times one direction only`,
    pressure: `${is.stops} stops past leases, ${is.refusedAsFull} refusals as full, ids known for 3 s by the server`
  }
  return [
    `${kind}, nats-server ${version}, ${seconds.toFixed(0)} s: ${trouble[kind]}, ${is.writerKills} writers and ${is.readerKills} readers killed`,
    `  ${is.appends} appends (${(is.appends / seconds).toFixed(0)}/s), ${is.events} events, ${is.repeats} repeats, ${is.conflicts} conflicts, ` +
      `${is.refused} misuses refused, ${is.unknown} never known; longest outage of a writer ${(longestOutage / 1000).toFixed(1)} s`,
    `  ${is.delivered} events delivered; ${is.messages} messages (${is.publishedAgain} published again), ${is.handled} handlings, ` +
      `${is.handledAgain} of them again; ${is.commits} steps under ${is.takeovers} leases`,
    ...tally.findings.map((finding) => `  ! ${finding}`)
  ]
}

/** The report in lines. */
export const format = (report: Report): string => {
  const found = objections(report)
  const all = (names: ReadonlyArray<Law>) => names.map((name) => `${name} ${sum(report, name)}`).join(", ")
  return [
    `seed ${report.seed}`,
    ...report.phases.flatMap(phaseLines),
    `leader changes ${sum(report, "leaderChanges")}`,
    all(["missed", "repeated", "reordered", "lost"]),
    all(laws.filter((law) => !["missed", "repeated", "reordered", "lost"].includes(law))),
    `A killed server keeps what it has handed to its machine; a power cut is not simulated here: against that a lone server ` +
      `needs sync_interval "always", which 2.9 does not have.`,
    found.length === 0 ? "Passed." : `Not passed: ${found.join("; ")}.`
  ].join("\n")
}
