// served: a nats-server of a test file, and connections to it.
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll } from "vitest"

/** Starts a server that lives as long as the tests of a file. */
export const serve = async (options?: NatsServer.Options): Promise<NatsServer.NatsServer["Service"]> => {
  const scope = Effect.runSync(Scope.make())
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return Effect.runPromise(Effect.provideService(NatsServer.make(options), Scope.Scope, scope))
}
