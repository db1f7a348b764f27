// `pnpm mutants nats [law…]`: breaks the backend in one way for each law, and shows that this law notices.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Effect from "effect/Effect"
import { judge } from "./judge.ts"
import type { Outcome } from "./judge.ts"

const begin = performance.now()

const print = ({ breaks, caught, law, millis }: Outcome): void => {
  const verdict = caught ? "caught" : "SURVIVED"
  console.log(`${law.padEnd(18)} ${verdict.padEnd(9)} ${`${Math.round(millis)} ms`.padStart(8)}  ${breaks}`)
}

const program = Effect.gen(function* () {
  const server = yield* NatsServer.make({ version: process.env["NATS_VERSION"] })
  return yield* judge(server, process.argv.slice(2), print)
})

const { outcomes, problems } = await Effect.runPromise(Effect.scoped(program))
for (const problem of problems) console.log(`\n${problem}`)
const seconds = ((performance.now() - begin) / 1000).toFixed(1)
const caught = outcomes.filter((one) => one.caught).length
const none = "no such law: name a suite or a law, as in `append` or `append 4`"
const what =
  outcomes.length + problems.length === 0 ? none : `${caught} of ${outcomes.length} caught, ${problems.length} problems`
console.log(`\nmutants: ${what} in ${seconds} s`)
// What a mutant left hanging must not keep the process.
process.exit(outcomes.length === 0 || problems.length > 0 ? 1 : 0)
