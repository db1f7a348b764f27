// The NATS server that all peers of `nats` are measured on, and fresh stores of it.
import * as NatsServers from "@evolvent/nats-server/NatsServer"
import { jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/** What a store keeps in a stream of JetStream of its own. */
export type Kept = "events" | "bus"

/** A store of its own for one peer, as the benchmark sees it. */
export interface NatsStore {
  /** The server's address; its path is the name that all streams and buckets of the store begin with. */
  readonly url: string
  /** How many messages are stored. */
  readonly messages: (kept: Kept) => Promise<number>
  readonly drop: () => Promise<void>
}

/** The server. */
export interface NatsServer {
  /** Its version and what decides what is measured. */
  readonly description: string
  readonly create: () => Promise<NatsStore>
  /** Drops what was not dropped, and stops a server that was started here. */
  readonly close: () => Promise<void>
}

interface Started {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** The newest that is on this machine, or one that is brought to it. */
const programOf = async (version: string | undefined): Promise<NatsServers.Options> => {
  if (version !== undefined) return { version }
  const found = await Effect.runPromise(NatsServers.found)
  const newest = found.toSorted((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }))[0]
  return newest === undefined ? {} : { binary: newest.path }
}

const startHere = async (version: string | undefined): Promise<Started> => {
  const scope = Effect.runSync(Scope.make())
  const stop = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const options = await programOf(version)
  const server = await Effect.runPromise(Effect.provideService(NatsServers.make(options), Scope.Scope, scope))
  return { url: server.url, stop }
}

/** The server at `NATS_URL`, or one that is started here, of a version where one was asked for. */
export const start = async (version: string | undefined): Promise<NatsServer> => {
  const given = process.env["NATS_URL"]
  const { stop, url } = given === undefined ? await startHere(version) : { url: given, stop: () => Promise.resolve() }
  const connection = await connect({ servers: url })
  const { streams } = await jetstreamManager(connection)
  const prefix = `bench${process.pid}x`
  const dropNamed = async (prefix: string) => {
    for await (const name of streams.names()) {
      if (name.replace(/^KV_/, "").startsWith(prefix)) await streams.delete(name)
    }
  }
  let stores = 0
  return {
    description: [
      `nats-server ${connection.info?.version}`,
      "file storage",
      "1 replica",
      // Neither side asks for more, and both get the same.
      given === undefined ? "sync_interval as by default: acknowledged is not yet on the disk" : "sync_interval its own"
    ].join(", "),
    create: async () => {
      const name = `${prefix}${stores++}`
      const at = new URL(url)
      at.pathname = `/${name}`
      return {
        url: at.href,
        messages: async (kept) => (await streams.info(`${name}_${kept}`)).state.messages,
        drop: () => dropNamed(`${name}_`)
      }
    },
    close: async () => {
      if (given !== undefined) await dropNamed(prefix)
      await connection.close()
      await stop()
    }
  }
}
