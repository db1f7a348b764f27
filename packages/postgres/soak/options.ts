// options: what may be said on the command line of a soak.
import { parseArgs } from "node:util"

/** How a soak is run. */
export interface Options {
  readonly seed: string
  readonly minutes: number
  readonly json: boolean
  /** The folder of other server programs. */
  readonly binaries: string | undefined
}

/** What `--help` prints. */
export const help = `pnpm soak postgres [--seed S] [--minutes M] [--json] [--binaries folder]
  --seed      the same choices again, as far as the machine allows; a new one unless given
  --minutes   how long to write; 1 unless given, parts of a minute too
  --json      the report as JSON; progress goes to stderr
  --binaries  another server than the embedded one: the folder of its initdb, postgres and pg_ctl`

/** The options, or why they make no sense. */
export const parse = (args: ReadonlyArray<string>): Options | string => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        minutes: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        binaries: { type: "string" }
      }
    })
    const minutes = Number(values.minutes)
    if (!(minutes > 0 && minutes <= 10_000)) return `--minutes is a number above 0, but "${values.minutes}" was given.`
    return {
      seed: values.seed ?? String(Math.floor(Math.random() * 1e9)),
      minutes,
      json: values.json,
      binaries: values.binaries
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
