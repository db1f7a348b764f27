// Wire: a line to the server that loses an answer when it is told to, as a connection that breaks behind a COMMIT does.
import type { Server } from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { connect, createServer } from "node:net"
import type { AddressInfo, Socket } from "node:net"

/** A line to a server. */
export interface Wire {
  /** The server, at the near end of the line. */
  readonly server: Server
  /** Loses the next answer, whole, and with it the connection. */
  readonly cut: Effect.Effect<void>
  /** How many answers were lost. */
  readonly lost: () => number
}

/** Lays a line until the scope closes. */
export const make = (server: Server): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.gen(function* () {
    let cuts = false
    let lost = 0
    const sockets = new Set<Socket>()
    const proxy = createServer((near) => {
      const far = connect(`${server.host}/.s.PGSQL.${server.port}`)
      const end = () => {
        near.destroy()
        far.destroy()
      }
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on("error", end)
        socket.on("close", end)
      }
      near.on("data", (data) => far.write(data))
      far.on("data", (data) => {
        if (!cuts) return void near.write(data)
        cuts = false
        lost += 1
        end()
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void proxy.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          proxy.close()
        })
    )
    const { port } = proxy.address() as AddressInfo
    const near = { host: "127.0.0.1", port }
    return {
      server: { ...server, ...near, connection: { ...server.connection, ...near } },
      cut: Effect.sync(() => {
        cuts = true
      }),
      lost: () => lost
    }
  })
