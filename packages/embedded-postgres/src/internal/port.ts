// Ports: one that was asked for, or a free one where the system has no sockets in folders.
import { createServer } from "node:net"
import * as Effect from "effect/Effect"
import { InvalidOption, ServerFailed } from "../EmbeddedPostgresError.ts"

/** The port, if it is one. */
export const isPort = (port: number): Effect.Effect<number, InvalidOption> =>
  Number.isInteger(port) && port >= 1 && port <= 65535
    ? Effect.succeed(port)
    : Effect.fail(
        new InvalidOption({
          option: "port",
          problem: `is a whole number from 1 to 65535, but ${port} was given`,
          hint: "Leave it out unless other programs are to connect."
        })
      )

/** A port of 127.0.0.1 that nobody had a moment ago. */
export const freePort: Effect.Effect<number, ServerFailed> = Effect.callback((resume) => {
  const server = createServer()
  server.once("error", (cause) =>
    resume(
      Effect.fail(
        new ServerFailed({ problem: "No free port of 127.0.0.1 was found", hint: "Give a `port`.", log: [], cause })
      )
    )
  )
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => {
      if (address !== null && typeof address === "object") resume(Effect.succeed(address.port))
    })
  })
})
