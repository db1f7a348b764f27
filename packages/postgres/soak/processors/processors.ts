// pnpm soak processors: processors under kills, stops and changes of partitions, judged; exits with 1 unless all is well.
import * as command from "../command.ts"
import * as options from "../options.ts"
import { format, objections } from "./report.ts"
import { run } from "./run.ts"

/** Runs the soak with the words of the command line; returns the exit code. */
export const soak = command.make({
  help: options.help.replace("postgres", "processors"),
  parse: options.parse,
  run: ({ minutes, ...rest }) => run({ ...rest, seconds: minutes * 60 }),
  objections,
  format
})
