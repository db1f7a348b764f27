// The servers of this machine that the tests run on; where there is none, one is fetched first.
import * as Effect from "effect/Effect"
import * as NatsServer from "../../src/NatsServer.ts"

const all = await Effect.runPromise(NatsServer.found)

/** Every server: those of the machine, then those of the cache. */
export const servers: ReadonlyArray<NatsServer.Found> =
  all.length > 0 ? all : [await Effect.runPromise(NatsServer.bring())]

/** Every version, once. */
export const versions: ReadonlyArray<string> = [...new Set(servers.map(({ version }) => version))]
