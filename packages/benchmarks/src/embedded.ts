// The server that the benchmarks start themselves: real PostgreSQL, its settings those of a machine of its own.
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { createServer } from "node:net"
import { totalmem } from "node:os"

const gigabyte = 1024 ** 3

// A quarter of the memory, as PostgreSQL's manual advises, and no checkpoint that falls into one peer's round only.
// Whatever makes a commit durable stays as it is by default: on.
const settings = {
  shared_buffers: `${Math.min(4096, Math.floor((totalmem() / gigabyte) * 256))}MB`,
  max_wal_size: "8GB",
  min_wal_size: "4GB",
  checkpoint_timeout: "30min",
  max_connections: 100
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })

/** Starts the server, on a port of 127.0.0.1 as a server of one's own is reached, and gives its address. */
export const startEmbedded = async (): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> => {
  const scope = Effect.runSync(Scope.make())
  const port = await freePort()
  const stop = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const server = await Effect.runPromise(
    EmbeddedPostgres.start({ port, settings, database: "bench" }).pipe(Effect.provideService(Scope.Scope, scope))
  )
  return { url: Redacted.value(server.url), stop }
}
