// The server's life: it starts, answers, keeps what it is given to keep, crashes, comes back, and goes.
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { info } from "../src/internal/monitor.ts"
import * as NatsServer from "../src/NatsServer.ts"
import { client, createStream, store, stored } from "./support/client.ts"
import { isGone, scratch } from "./support/scratch.ts"
import { versions } from "./support/servers.ts"

describe.concurrent("server", { timeout: 30_000 }, () => {
  it.live("starts, answers on the loopback only, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { pid, server } = yield* Effect.gen(function* () {
        const server = yield* NatsServer.NatsServer
        assert.strictEqual(server.url, `nats://127.0.0.1:${server.port}`)
        const { request } = yield* client(server.port)
        assert.include(yield* request("$JS.API.INFO"), { type: "io.nats.jetstream.api.v1.account_info_response" })
        const found = yield* info(server.port)
        assert.strictEqual(found?.version, server.version)
        assert.strictEqual(found?.server_name, server.name)
        const varz = yield* Effect.promise(async () => (await fetch(`${server.monitorUrl}/varz`)).json())
        assert.deepInclude(varz, { host: "127.0.0.1", http_host: "127.0.0.1", server_name: server.name })
        assert.include(fs.readFileSync(server.logFile, "utf8"), "Server is ready")
        return { pid: yield* server.pid, server }
      }).pipe(Effect.scoped, Effect.provide(NatsServer.layer()))
      assert(isGone(pid))
      assert.isFalse(fs.existsSync(server.directory))
      assert.isUndefined(yield* info(server.port))
    })
  )

  it.live("runs beside others of the same process, which share nothing", () =>
    Effect.gen(function* () {
      const [one, two] = yield* Effect.all([NatsServer.make(), NatsServer.make()], { concurrency: "unbounded" })
      assert.strictEqual(new Set([one.port, one.monitorUrl, two.port, two.monitorUrl]).size, 4)
      yield* createStream(one.port, "kept")
      assert.strictEqual(yield* store(one.port, "kept", "a"), 1)
      assert.include(yield* Effect.flip(stored(two.port, "kept", 1)), "stream not found")
    })
  )

  it.live.each(versions)("keeps the data of a directory between runs, on %s", (version) =>
    Effect.gen(function* () {
      const directory = path.join(yield* scratch, "a folder", "data")
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* NatsServer.make({ directory, version })
          assert.strictEqual((yield* info(server.port))?.version, version)
          yield* createStream(server.port, "kept")
          yield* store(server.port, "kept", "grüß dich")
          return server
        })
      )
      assert.sameMembers(fs.readdirSync(directory), ["jetstream", "server.conf", "server.log"])
      const second = yield* NatsServer.make({ directory, version })
      assert.strictEqual(second.directory, first.directory)
      assert.strictEqual(yield* stored(second.port, "kept", 1), "grüß dich")
      assert.strictEqual(yield* store(second.port, "kept", "more"), 2)
    })
  )

  it.live("comes back at the same address after every kind of end, with what it stored", () =>
    Effect.gen(function* () {
      const server = yield* NatsServer.make()
      yield* createStream(server.port, "kept")
      assert.strictEqual(yield* store(server.port, "kept", "a"), 1)
      const first = yield* server.pid
      yield* server.kill
      assert(isGone(first))
      assert.isUndefined(yield* server.pid)
      // Once more is no harm, nor is waking one that does not run.
      yield* server.kill
      yield* server.stop
      yield* server.pause
      yield* server.resume
      yield* server.start
      assert.strictEqual(yield* stored(server.port, "kept", 1), "a")
      const second = yield* server.pid
      assert.notStrictEqual(second, first)
      yield* server.start
      assert.strictEqual(yield* server.pid, second)
      yield* server.stop
      assert(isGone(second))
      assert.include(fs.readFileSync(server.logFile, "utf8"), "Server Exiting")
      yield* server.start
      assert.strictEqual(yield* store(server.port, "kept", "b"), 2)
      yield* server.restart
      assert.strictEqual(yield* stored(server.port, "kept", 2), "b")
      assert.strictEqual((yield* info(server.port))?.server_name, server.name)
    })
  )

  it.live("is silent while it is paused and goes on afterwards; a paused one stops all the same", () =>
    Effect.gen(function* () {
      const pid = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* NatsServer.make()
          const pid = yield* server.pid
          yield* server.pause
          assert.isUndefined(yield* info(server.port))
          assert.strictEqual(yield* server.pid, pid)
          yield* server.resume
          assert.isDefined(yield* info(server.port))
          yield* server.pause
          yield* server.restart
          assert.isDefined(yield* info(server.port))
          yield* server.pause
          return yield* server.pid
        })
      )
      assert(isGone(pid))
    })
  )

  it.live("takes the server's own settings, users and their rights among them", () =>
    Effect.gen(function* () {
      const authorization = {
        users: [
          { user: "all", password: 'p"\\ä$x' },
          { user: "few", password: "$few", permissions: { publish: { deny: ["secret"] } } }
        ]
      }
      const server = yield* NatsServer.make({
        config: { authorization, max_payload: 2048, jetstream: { max_file_store: 50_000_000 } }
      })
      const { request } = yield* client(server.port, { user: "all", pass: 'p"\\ä$x' })
      assert.containSubset(yield* request("$JS.API.INFO"), { type: "io.nats.jetstream.api.v1.account_info_response" })
      assert.match(yield* Effect.flip(client(server.port)), /Authorization Violation/)
      const few = yield* client(server.port, { user: "few", pass: "$few" })
      assert.match(yield* Effect.flip(few.request("secret", "x")), /Permissions Violation/)
      const varz = yield* Effect.promise(async () => (await fetch(`${server.monitorUrl}/varz`)).json())
      assert.containSubset(varz, { max_payload: 2048, jetstream: { config: { max_storage: 50_000_000 } } })
      assert.strictEqual(fs.statSync(path.join(server.directory, "server.conf")).mode & 0o777, 0o600)
    })
  )

  it.live("listens on the port that it is given", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(Effect.map(NatsServer.make(), (server) => server.port))
      const server = yield* NatsServer.make({ port })
      assert.strictEqual(server.port, port)
      assert.isDefined(yield* info(port))
    })
  )
})
