// command: pnpm soak nats, with the words of the command line: runs it, prints what it found, and says with which code to exit.
import { parseArgs } from "node:util"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { kinds } from "./phase.ts"
import { format, objections } from "./report.ts"
import { run, type Settings } from "./run.ts"

const help = `pnpm soak nats [--seed S] [--minutes M] [--version V] [--only phase,…] [--json]
  --seed     the same choices again, as far as the machine allows; a new one unless given
  --minutes  how long to write, over all phases; 3 unless given, parts of a minute too
  --version  of the servers; 2.9.10 (2.10.27 for the cluster) and 2.15.1 in turns unless given; no cluster on 2.9
  --only     some of the phases: ${kinds.join(", ")}
  --json     the report as JSON; progress goes to stderr`

/** The settings, or why they make no sense. */
export const parse = (args: ReadonlyArray<string>): (Settings & { readonly json: boolean }) | string => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        minutes: { type: "string", default: "3" },
        version: { type: "string" },
        only: { type: "string", default: kinds.join(",") },
        json: { type: "boolean", default: false }
      }
    })
    const minutes = Number(values.minutes)
    if (!(minutes > 0 && minutes <= 10_000)) return `--minutes is a number above 0, but "${values.minutes}" was given.`
    const asked = values.only.split(",")
    const only = kinds.filter((kind) => asked.includes(kind))
    if (only.length < asked.length) return `--only takes some of ${kinds.join(", ")}, but "${values.only}" was given.`
    const seed = values.seed ?? String(Math.floor(Math.random() * 1e9))
    return { seed, seconds: minutes * 60, version: values.version, only, json: values.json }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A line that is written over on a terminal, and plain lines elsewhere; away from the report. */
const show = (text: string): void => {
  const { stderr } = process
  stderr.write(stderr.isTTY ? `\r\u001b[2K${text.slice(0, stderr.columns - 1)}` : `${text}\n`)
}

/** Runs the soak; 0 where it passed, 1 where not, 2 for options that make no sense. */
export const soak = async (args: ReadonlyArray<string>): Promise<number> => {
  if (args.includes("--help")) {
    console.log(help)
    return 0
  }
  const settings = parse(args)
  if (typeof settings === "string") {
    console.error(`${settings}\n${help}`)
    return 2
  }
  show(`seed ${settings.seed}`)
  // Whoever stops it half-way leaves no processes and no files behind.
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort())
  const exit = await Effect.runPromiseExit(run({ ...settings, progress: show }), stop)
  if (process.stderr.isTTY) show("")
  if (Exit.isFailure(exit)) {
    console.error(stop.signal.aborted ? "Stopped." : Cause.pretty(exit.cause))
    return stop.signal.aborted ? 130 : 1
  }
  const found = objections(exit.value)
  console.log(settings.json ? JSON.stringify({ ...exit.value, objections: found }) : format(exit.value))
  return found.length === 0 ? 0 : 1
}
