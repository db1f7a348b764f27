// command: runs a soak with the words of the command line, prints what it found, and says with which code to exit.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as progress from "./progress.ts"

/** A soak. */
export interface Soak<Options extends { readonly seed: string; readonly json: boolean }, Report> {
  readonly help: string
  /** The options, or why they make no sense. */
  readonly parse: (args: ReadonlyArray<string>) => Options | string
  readonly run: (options: Options & { readonly progress: (line: string) => void }) => Effect.Effect<Report, unknown>
  /** Why it does not pass; nothing where it does. */
  readonly objections: (report: Report) => ReadonlyArray<string>
  readonly format: (report: Report) => string
}

/** The soak as `main.ts` calls it: 0 where it passed, 1 where not, 2 for options that make no sense. */
export const make =
  <Options extends { readonly seed: string; readonly json: boolean }, Report>({
    format,
    help,
    objections,
    parse,
    run
  }: Soak<Options, Report>) =>
  async (args: ReadonlyArray<string>): Promise<number> => {
    if (args.includes("--help")) {
      console.log(help)
      return 0
    }
    const options = parse(args)
    if (typeof options === "string") {
      console.error(`${options}\n${help}`)
      return 2
    }
    const line = progress.line()
    line.show(`seed ${options.seed}`)
    // Whoever stops it half-way leaves no processes and no files behind.
    const stop = new AbortController()
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort())
    const exit = await Effect.runPromiseExit(run({ ...options, progress: line.show }), stop)
    line.end()
    if (Exit.isFailure(exit)) {
      console.error(stop.signal.aborted ? "Stopped." : Cause.pretty(exit.cause))
      return stop.signal.aborted ? 130 : 1
    }
    const found = objections(exit.value)
    console.log(options.json ? JSON.stringify({ ...exit.value, objections: found }) : format(exit.value))
    return found.length === 0 ? 0 : 1
  }
