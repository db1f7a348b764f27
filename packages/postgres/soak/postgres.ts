// pnpm soak postgres: writes, kills and reads on a server of its own, judges, and exits with 1 unless all is well.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as options from "./options.ts"
import * as progress from "./progress.ts"
import { format, objections } from "./report.ts"
import { run } from "./run.ts"

/** Runs the soak with the words of the command line; returns the exit code. */
export const soak = async (args: ReadonlyArray<string>): Promise<number> => {
  if (args.includes("--help")) {
    console.log(options.help)
    return 0
  }
  const parsed = options.parse(args)
  if (typeof parsed === "string") {
    console.error(`${parsed}\n${options.help}`)
    return 2
  }
  const { binaries, json, minutes, seed } = parsed
  const line = progress.line()
  line.show(`seed ${seed}`)
  // Whoever stops it half-way leaves no processes and no files behind.
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort())
  const exit = await Effect.runPromiseExit(run({ seed, seconds: minutes * 60, binaries, progress: line.show }), stop)
  line.end()
  if (Exit.isFailure(exit)) {
    console.error(stop.signal.aborted ? "Stopped." : Cause.pretty(exit.cause))
    return stop.signal.aborted ? 130 : 1
  }
  const report = exit.value
  console.log(json ? JSON.stringify({ ...report, objections: objections(report) }) : format(report))
  return objections(report).length === 0 ? 0 : 1
}
