// options: what may be said on the command line of a simulation.
import { parseArgs } from "node:util"
import { breaks } from "./breaks.ts"

/** What is to be simulated. */
export interface Options {
  /** The one seed whose trace is to be printed. */
  readonly seed: number | undefined
  /** Else so many seeds, from one on. */
  readonly seeds: number
  readonly from: number
  readonly json: boolean
  /** What to break on purpose. */
  readonly breaking: string | undefined
}

/** What `--help` prints. */
export const help = `pnpm simulate [--seeds N] [--from S] [--seed S] [--break NAME] [--json]
  --seeds  how many worlds; 100 unless given
  --from   the first of their seeds; 1 unless given
  --seed   one world, with every step that it takes; the same again for the same seed
  --break  with something broken on purpose, up to the first world that notices; NAME is one of
           ${Object.keys(breaks).join(", ")}
  --json   the report as JSON; progress goes to stderr
Exits with 1 where a law was broken, with 2 where the options make no sense.`

const whole = (name: string, text: string, least: number): number => {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= least) return number
  throw new RangeError(`--${name} is a whole number from ${least} on, but "${text}" was given.`)
}

/** The options, or why they make no sense. */
export const parse = (args: ReadonlyArray<string>): Options | string => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        seeds: { type: "string", default: "100" },
        from: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        break: { type: "string" },
        help: { type: "boolean", default: false }
      }
    })
    if (values.help) return help
    if (values.break !== undefined && !Object.hasOwn(breaks, values.break)) {
      return `There is no break "${values.break}". There are: ${Object.keys(breaks).join(", ")}.`
    }
    return {
      seed: values.seed === undefined ? undefined : whole("seed", values.seed, 0),
      seeds: whole("seeds", values.seeds, 1),
      from: whole("from", values.from, 0),
      json: values.json,
      breaking: values.break
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
