// doctor: what a store is in, what is wrong with it, and what to do about that.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import { backend, onStore } from "./connection.ts"
import type { Examination, Finding } from "./connection.ts"
import { failed } from "./failure.ts"
import type { Failure } from "./failure.ts"
import { count, result, shown, style } from "./output.ts"
import { standings } from "./processors.ts"

// Who appends is through in milliseconds; a transaction that is open for longer holds up all who follow the log.
const patience = Duration.seconds(10)
const longLag = Duration.minutes(5)

/** What the services themselves show: the append floor, and how the processors are. */
const running = Effect.gen(function* () {
  const store = yield* EventStore
  const [head, obstacle, all] = [yield* store.head, yield* store.obstacle, yield* standings(undefined)]
  const findings: Array<Finding> = []
  const say = (level: Finding["level"], where: string, setting: string, problem: string, remedy: string) =>
    findings.push({ level, where, setting, problem, remedy })
  if (obstacle !== undefined && Duration.isGreaterThan(obstacle.age, patience)) {
    const problem = `an append by ${obstacle.by}, open for ${Math.round(Duration.toSeconds(obstacle.age))} s, holds all readers up behind position ${obstacle.position}`
    say(
      "risk",
      "log",
      "append floor",
      problem,
      "end that transaction; on PostgreSQL it is a process id for pg_terminate_backend"
    )
  }
  for (const { known, status } of all) {
    const { lag, parked, stopped } = status
    const { checkpoint } = known
    if (stopped !== undefined) {
      const remedy = "mend the cause and start it again; it goes on from there"
      say("risk", checkpoint, "stopped", stopped.problem.replace(/\.$/, ""), remedy)
    } else if (lag !== undefined && Duration.isGreaterThan(lag.age, longLag)) {
      const behind = `it is up to ${count(lag.events, "event")} behind, the oldest of them ${Math.round(Duration.toMinutes(lag.age))} min old`
      say(
        "risk",
        checkpoint,
        "lag",
        behind,
        "look whether somebody runs it, and whether it is still needed: `evolvent processors`"
      )
    }
    if (parked > 0) {
      say("risk", checkpoint, "parked", `${count(parked, "event")} set aside`, `\`evolvent parked list ${checkpoint}\``)
    }
  }
  const floor = obstacle === undefined ? {} : { "held up behind": obstacle.position }
  return { facts: { head, processors: all.length, ...floor }, findings }
})

/** What the services refuse, such as a role that may not call what readers need, is a finding like any other. */
const refused = ({ problem }: Failure) =>
  Effect.succeed({
    facts: {},
    findings: [{ level: "broken", where: "store", setting: "services", problem, remedy: "mend that, and look again" }]
  } satisfies Examination)

/** Prints what is known and what is wrong; fails where something is broken, or what was stored can be lost. */
export const doctor = Effect.gen(function* () {
  const { examine } = yield* backend
  const seen = yield* examine
  const isBroken = seen.findings.some(({ level }) => level === "broken")
  // A store that cannot be used tells nothing of its processors.
  const more = isBroken ? { facts: {}, findings: [] } : yield* Effect.catch(onStore(running), refused)
  const facts: Readonly<Record<string, string | number>> = { ...seen.facts, ...more.facts }
  const findings: ReadonlyArray<Finding> = [...seen.findings, ...more.findings]
  const grave = findings.filter(({ level }) => level === "broken" || level === "loses")
  const { bold, green, red, yellow } = yield* style
  const width = Math.max(...Object.keys(facts).map((name) => name.length))
  const paint = { broken: red, loses: red, risk: yellow, unknown: yellow }
  const text = [
    ...Object.entries(facts).map(([name, value]) => `${bold(name.padEnd(width))}  ${shown(String(value))}`),
    "",
    ...(findings.length === 0 ? [green("Nothing is wrong.")] : []),
    ...findings.flatMap(({ level, problem, remedy, setting, where }) => [
      `${paint[level](level)}  ${shown(where)}, ${shown(setting)}: ${shown(problem)}`,
      `       ${shown(remedy)}`
    ]),
    ""
  ].join("\n")
  yield* result({ ok: grave.length === 0, facts, findings }, text)
  if (grave.length > 0) {
    return yield* failed(
      `${count(grave.length, "finding")} must be mended: the store cannot be used, or can lose what was stored.`
    )
  }
})
