// consent: nothing that cannot be taken back is done unless somebody said so, by --yes or at a prompt.
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Prompt from "effect/cli/Prompt"
import { failed, misused } from "./failure.ts"

/** Goes on where somebody agrees. Off a terminal nobody can be asked: then it is wrong use. */
export const consent = Effect.fnUntraced(function* (yes: boolean, what: string) {
  if (yes) return
  const { stdinIsTerminal, stdoutIsTerminal } = yield* Stdio.Stdio
  if (!((yield* stdinIsTerminal) && (yield* stdoutIsTerminal))) {
    return yield* misused(`${what} Nothing was done: say --yes, since there is no terminal to ask on.`)
  }
  const agreed = yield* Prompt.run(Prompt.Confirm({ message: `${what} Go on?`, initial: false })).pipe(
    Effect.orElseSucceed(() => false)
  )
  if (!agreed) return yield* failed("Nothing was done.")
})
