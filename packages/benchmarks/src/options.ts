// What `pnpm bench` was asked for: the benchmarks by name, and how long to measure.

/** The names of the peers. */
export const peerNames = ["ours", "emmett", "emmett-sql", "pg", "sql-pg", "nats", "nats-durable"] as const

/**
 * One of them: our store; Emmett, with hand-written SQL too; the plain drivers `pg` and `@effect/sql-pg`; nats.js, with a
 * durable consumer too.
 */
export type Asked = (typeof peerNames)[number]

/** A peer that runs; ours also with Effect's schema compiler, and on NATS. */
export type PeerName = Asked | "ours-jit" | "ours-nats"

/** A peer that keeps what it stores on NATS. */
export type PeerOnNats = "ours-nats" | "nats" | "nats-durable"

/** How to measure. */
export interface Options {
  /** How many rounds count; the median of their ratios is the result. */
  readonly rounds: number
  /** How long one round of a peer lasts, where it has no end of its own. */
  readonly seconds: number
  /** How many events `read` reads; `projection` projects three in ten of them. */
  readonly events: number
  /** How many events `scale` loads. */
  readonly stored: number
  /** The version of the NATS server; the newest that is found unless given. */
  readonly natsVersion: string | undefined
  /** Which peers run; rows that miss one of theirs show rates only. */
  readonly peers: ReadonlyArray<Asked>
}

const defaults: { -readonly [Name in keyof Options]: Options[Name] } = {
  rounds: 5,
  seconds: 2,
  events: 1_000_000,
  stored: 10_000_000,
  natsVersion: undefined,
  peers: peerNames
}

/** What the flags mean, for --help. */
export const help = `
  --rounds N     how many rounds count (${defaults.rounds}); the median is the result
  --seconds S    how long each peer is measured in a round (${defaults.seconds})
  --events N     events to read (${defaults.events}); projection projects three in ten of them
                 and nats goes through a tenth of them
  --stored N     events that scale loads before it measures (${defaults.stored})
  --nats-version V  the NATS server, as in 2.15.1 or 2.10; the newest that is found unless given
  --peers A,B    only these peers: ${peerNames.join(", ")}; without ours nothing is judged`

const numbers = ["rounds", "seconds", "events", "stored"] as const

const isPeer = (name: string): name is Asked => peerNames.some((one) => one === name)

/** Reads the arguments; a text is what is wrong with them. */
export const parse = (
  args: ReadonlyArray<string>
): { readonly names: ReadonlyArray<string>; readonly options: Options } | string => {
  const names: Array<string> = []
  const options = { ...defaults }
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ""
    if (!arg.startsWith("--")) {
      names.push(arg)
      continue
    }
    const [flag = "", inline] = arg.slice(2).split("=")
    const value = inline ?? args[++i] ?? ""
    const number = numbers.find((one) => one === flag)
    if (number !== undefined) {
      if (!(Number(value) > 0)) return `--${flag} needs a number above 0, not "${value}".`
      options[number] = number === "seconds" ? Number(value) : Math.ceil(Number(value))
    } else if (flag === "nats-version") {
      if (!/^\d+(\.\d+){0,2}$/.test(value)) return `--nats-version needs a version like 2.15.1 or 2.10, not "${value}".`
      options.natsVersion = value
    } else if (flag === "peers") {
      const asked = value.split(",")
      const stranger = asked.find((name) => !isPeer(name))
      if (stranger !== undefined) return `No peer is named "${stranger}". There are: ${peerNames.join(", ")}.`
      options.peers = asked.filter(isPeer)
    } else {
      return `There is no flag --${flag}.${help}`
    }
  }
  return { names, options }
}
