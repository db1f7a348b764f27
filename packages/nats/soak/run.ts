// run: a soak of NATS: phase after phase, on one version of the server and on another in turns.
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as phases from "./phase.ts"
import type { Kind } from "./phase.ts"
import type { Report } from "./report.ts"

/** How a soak is run. */
export interface Settings {
  readonly seed: string
  /** How long it writes, over all phases. */
  readonly seconds: number
  /** The version of all servers; an old one and the newest in turns unless given. */
  readonly version?: string | undefined
  /** The phases; all unless given. */
  readonly only?: ReadonlyArray<Kind> | undefined
  /** Takes a line of progress now and then. */
  readonly progress?: (line: string) => void
}

const versions = ["2.9.10", "2.15.1"] as const

// The oldest servers have no replicas that can be trusted, and so no cluster is used on them.
const versionsOfClusters = ["2.10.27", "2.15.1"] as const
const isTooOld = (version: string | undefined) => version?.startsWith("2.9.") === true

// An election takes seconds, so a cluster needs the most time.
const shares: Readonly<Record<Kind, number>> = { server: 3, cluster: 10, network: 4, pressure: 3 }

// A round on one pair of versions; the next round has them the other way round.
const longestRound = 360

/** Runs a soak. */
export const run = Effect.fnUntraced(
  function* (settings: Settings) {
    const { progress = () => undefined, seconds, seed, version } = settings
    const only = (settings.only ?? phases.kinds).filter((kind) => !(kind === "cluster" && isTooOld(version)))
    const rounds = Math.max(1, Math.round(seconds / longestRound))
    const whole = only.reduce((sum, kind) => sum + shares[kind], 0) * rounds
    const done: Array<phases.Phase> = []
    for (let round = 0; round < rounds; round++) {
      for (const [i, kind] of only.entries()) {
        const plan = {
          kind,
          version: version ?? (kind === "cluster" ? versionsOfClusters : versions)[(i + round) % versions.length],
          seed: `${seed} ${round} ${kind}`,
          seconds: (seconds * shares[kind]) / whole,
          progress
        }
        done.push(yield* phases.run(plan))
      }
    }
    return { seed, phases: done } satisfies Report
  },
  Effect.provide(Logger.layer([]))
)
