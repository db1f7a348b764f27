// Ports of 127.0.0.1: one that was asked for, or a free one.
import { createServer } from "node:net"
import * as Effect from "effect/Effect"
import { DidNotStart, InvalidOption } from "../NatsServerError.ts"

/** The port, if it is one. */
export const isPort = (port: number): Effect.Effect<number, InvalidOption> =>
  Number.isInteger(port) && port >= 1 && port <= 65535
    ? Effect.succeed(port)
    : Effect.fail(
        new InvalidOption({
          option: "port",
          problem: `is a whole number from 1 to 65535, but ${port} was given`,
          hint: "Leave it out unless other programs must know it beforehand."
        })
      )

// Below the ports that systems give to outgoing connections. A client that tries again and again to reach a server that
// was killed could otherwise be given that very port for its own end, connect to itself, and keep the server out.
const first = 20_000
const count = 10_000

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resume(Effect.succeed(true))))
  })

/** As many different ports of 127.0.0.1 that nobody had a moment ago. */
export const freePorts = Effect.fnUntraced(function* (wanted: number) {
  const found = new Set<number>()
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = first + Math.floor(Math.random() * count)
    if (!found.has(port) && (yield* isFree(port))) found.add(port)
    if (found.size === wanted) return [...found]
  }
  return yield* new DidNotStart({
    problem: `No free port of 127.0.0.1 was found between ${first} and ${first + count}`,
    hint: "Give a `port`, and see what listens on so many.",
    log: []
  })
})
