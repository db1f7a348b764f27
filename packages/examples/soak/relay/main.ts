// pnpm soak relay: relays from PostgreSQL over NATS while both are killed, and exits with 1 unless all came through.
import { parseArgs } from "node:util"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { format, objections } from "./report.ts"
import { run, type Settings } from "./run.ts"

const help = `pnpm soak relay [--seed S] [--events N] [--version V] [--json]
  --seed     the same choices again, as far as the machine allows; a new one unless given
  --events   how many events are written and relayed; 1000000 unless given, 1000 at least
  --version  of nats-server; the newest that is there unless given
  --json     the report as JSON; progress goes to stderr`

/** The settings, or why they make no sense. */
const parse = (args: ReadonlyArray<string>): (Settings & { readonly json: boolean }) | string => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        events: { type: "string", default: "1000000" },
        version: { type: "string" },
        json: { type: "boolean", default: false }
      }
    })
    const events = Number(values.events)
    if (!(Number.isSafeInteger(events) && events >= 1000)) {
      return `--events is a whole number from 1000 on, but "${values.events}" was given.`
    }
    const seed = values.seed ?? String(Math.floor(Math.random() * 1e9))
    return { seed, events, version: values.version, json: values.json }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** A line that is written over on a terminal, and plain lines elsewhere; away from the report. */
const show = (text: string): void => {
  const { stderr } = process
  stderr.write(stderr.isTTY ? `\r\u001b[2K${text.slice(0, stderr.columns - 1)}` : `${text}\n`)
}

const soak = async (args: ReadonlyArray<string>): Promise<number> => {
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

process.exitCode = await soak(process.argv.slice(3))
