// stores: a PostgreSQL and a NATS server for one test file, and what the tests do on them beside the command line.
import { createServer } from "node:net"
import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Nats from "@evolvent/nats/Nats"
import * as NatsServer from "@evolvent/nats-server/NatsServer"
import * as Postgres from "@evolvent/postgres/Postgres"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { Services } from "evolvent/Memory"
import { afterAll, beforeAll, describe } from "vitest"
import { evolvent, start } from "./evolvent.ts"
import type { Called } from "./evolvent.ts"

/** A store, as tests see it. */
export interface Store {
  readonly kind: "PostgreSQL" | "NATS"
  readonly url: () => string
  /** A call on this store. */
  readonly call: (...args: ReadonlyArray<string>) => Promise<Called>
  /** A call whose output is JSON, and which goes well. */
  readonly json: (...args: ReadonlyArray<string>) => Promise<unknown>
  readonly start: (...args: ReadonlyArray<string>) => ReturnType<typeof start>
  /** Runs something in this process, on what the command line has made. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>) => Promise<A>
}

const silent = Logger.layer([])

/** A port that nobody had a moment ago: the command line connects as any other program does. */
export const freePort = Effect.promise(
  () =>
    new Promise<number>((done) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address()
        server.close(() => done(typeof address === "object" && address !== null ? address.port : 0))
      })
    })
)

const servers: Readonly<Record<Store["kind"], Effect.Effect<string, Error, Scope.Scope>>> = {
  PostgreSQL: Effect.flatMap(freePort, (port) =>
    Effect.map(EmbeddedPostgres.start({ port }), ({ url }) => Redacted.value(url))
  ),
  NATS: Effect.map(NatsServer.make(), ({ url }) => url)
}

const layers = {
  PostgreSQL: (url: string) => Postgres.layerNoMigrations({ url: Redacted.make(url) }),
  NATS: (url: string) => Nats.layer({ servers: url, create: false })
} as const

/** Tests on each of the backends; one server for all of them. */
export const describeStores = (tests: (store: Store) => void): void => {
  describe.each(["PostgreSQL", "NATS"] as const)("on %s", (kind) => {
    let [scope, url] = [Scope.makeUnsafe(), ""]
    let runtime: ManagedRuntime.ManagedRuntime<Services, unknown> | undefined
    beforeAll(async () => {
      scope = Scope.makeUnsafe()
      url = await Effect.runPromise(Scope.provide(servers[kind], scope))
    }, 120_000)
    afterAll(async () => {
      await runtime?.dispose()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    }, 60_000)
    const env = () => ({ [kind === "PostgreSQL" ? "DATABASE_URL" : "NATS_URL"]: url })
    tests({
      kind,
      url: () => url,
      call: (...args) => evolvent(args, env()),
      json: async (...args) => {
        const { status, stderr, stdout } = await evolvent([...args, "--json"], env())
        if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`)
        return JSON.parse(stdout)
      },
      start: (...args) => start(args, env()),
      run: (effect) => {
        const layer: Layer.Layer<Services, unknown> = layers[kind](url)
        runtime ??= ManagedRuntime.make(Layer.provideMerge(layer, silent))
        return runtime.runPromise(Effect.scoped(effect))
      }
    })
  })
}
