// progress: how far something is that takes long, on standard error: a bar on a terminal, plain lines elsewhere.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { number, say } from "./output.ts"

const width = 30

/** A step on the way; `done` and `total` are positions, `rate` what is done a second. */
export interface Progress {
  readonly done: number
  readonly total: number
  readonly rate: number
  readonly remaining: Duration.Duration | undefined
}

const inWords = ({ done, rate, remaining, total }: Progress): string => {
  const left = remaining === undefined ? "" : `, ${Math.ceil(Duration.toSeconds(remaining))} s left`
  return `${number(done)} of ${number(total)}, ${number(Math.round(rate))} a second${left}`
}

/** Shows how far a stream of steps is, and gives the last one; off a terminal there is a line for every tenth. */
export const show = <A extends Progress, E, R>(
  steps: Stream.Stream<A, E, R>,
  phase: (step: A) => string
): Effect.Effect<A | undefined, E, R | Stdio.Stdio> =>
  Effect.gen(function* () {
    const isTerminal = yield* Stdio.Stdio.use(({ stderrIsTerminal }) => stderrIsTerminal)
    let last: A | undefined
    let [tenth, drawn] = [0, false]
    yield* Stream.runForEach(steps, (step) => {
      last = step
      const part = step.total === 0 ? 1 : step.done / step.total
      const percent = `${Math.floor(part * 100)} %`.padStart(6)
      if (isTerminal) {
        const full = Math.round(part * width)
        drawn = true
        return say(`\r\u001b[K${"█".repeat(full)}${"░".repeat(width - full)}${percent}  ${phase(step)}${inWords(step)}`)
      }
      if (Math.floor(part * 10) <= tenth) return Effect.void
      tenth = Math.floor(part * 10)
      return say(`${percent.trimStart()}  ${phase(step)}${inWords(step)}\n`)
    }).pipe(Effect.ensuring(Effect.suspend(() => (drawn ? say("\n") : Effect.void))))
    return last
  })
