// pnpm soak rebuild: rebuilds a large read model under writers and readers, and exits with 1 unless nobody noticed.
import { parseArgs } from "node:util"
import * as command from "../command.ts"
import { format, objections } from "./report.ts"
import { run } from "./run.ts"

const help = `pnpm soak rebuild [--seed S] [--events N] [--json] [--binaries folder]
  --seed      the same events again; a new one unless given
  --events    how many events are stored before; 1000000 unless given, 1000 at least
  --json      the report as JSON; progress goes to stderr
  --binaries  another server than the embedded one: the folder of its initdb, postgres and pg_ctl`

const parse = (args: ReadonlyArray<string>) => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        events: { type: "string", default: "1000000" },
        json: { type: "boolean", default: false },
        binaries: { type: "string" }
      }
    })
    const events = Number(values.events)
    if (!(Number.isSafeInteger(events) && events >= 1000)) {
      return `--events is a whole number from 1000 on, but "${values.events}" was given.`
    }
    const seed = values.seed ?? String(Math.floor(Math.random() * 1e9))
    return { seed, events, json: values.json, binaries: values.binaries }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Runs the soak with the words of the command line; returns the exit code. */
export const soak = command.make({ help, parse, run, objections, format })
