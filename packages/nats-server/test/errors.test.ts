// The errors: each says what was tried and found and what to do.
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { installCommand } from "../src/internal/hint.ts"
import * as NatsServer from "../src/NatsServer.ts"
import { isGone, scratch } from "./support/scratch.ts"

const failure = (options: NatsServer.Options) => Effect.scoped(Effect.flip(NatsServer.make(options)))

const takenPort = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ port, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe.concurrent("errors", { timeout: 30_000 }, () => {
  it.live("a port that is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* takenPort
      const error = yield* failure({ port })
      assert.deepInclude(error.reason, { _tag: "PortTaken", port })
      assert.strictEqual(
        error.message,
        `NatsServer.make: Port ${port} of 127.0.0.1 is taken by another program. ` +
          "Give another port, or none: then a free one is chosen."
      )
    })
  )

  it.live("a port that was taken while the server was down", () =>
    Effect.gen(function* () {
      const server = yield* NatsServer.make()
      yield* server.kill
      const stranger = yield* NatsServer.make({ port: server.port })
      const error = yield* Effect.flip(server.start)
      assert.deepInclude(error.reason, { _tag: "PortTaken", port: server.port })
      // Once the stranger is gone it may have its port again, and waits a little for that.
      yield* Effect.forkScoped(Effect.andThen(Effect.sleep(500), stranger.stop))
      yield* server.start
      assert.isDefined(yield* server.pid)
    })
  )

  it.live("a folder that cannot be made, or is a file", () =>
    Effect.gen(function* () {
      const file = path.join(yield* scratch, "file")
      fs.writeFileSync(file, "")
      for (const directory of [file, path.join(file, "data")]) {
        const error = yield* failure({ directory })
        assert.deepInclude(error.reason, { _tag: "FolderNotUsable", folder: directory })
        assert.match(error.message, /cannot make, read or write the folder .*file.*\. Give another directory/)
      }
    })
  )

  it.live("a folder that another server of this process uses", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const server = yield* NatsServer.make({ directory })
      const error = yield* failure({ directory })
      assert.strictEqual(error.reason._tag, "FolderNotUsable")
      assert.include(error.message, `in use by this very process (${process.pid}), by another layer`)
      assert.isFalse(isGone(yield* server.pid))
      assert.isTrue(fs.existsSync(path.join(directory, "owner.json")))
    })
  )

  it.live("a program that is not there, or is none, or of another version: with the command that installs one", () =>
    Effect.gen(function* () {
      const folder = yield* scratch
      const binary = path.join(folder, "nats-server")
      const missing = yield* failure({ binary })
      assert.strictEqual(missing.reason._tag, "NotFound")
      assert.include(missing.message, `There is no program ${binary}. Correct the option \`binary\``)
      assert.include(missing.hint, `Install one with \`${installCommand()}\``)
      fs.writeFileSync(binary, "#!/bin/sh\nexit 1\n", { mode: 0o755 })
      assert.include((yield* failure({ binary })).message, "does not run as a NATS server on this machine")
      fs.writeFileSync(binary, "#!/bin/sh\necho nats-server: v2.1.0\n", { mode: 0o755 })
      assert.include((yield* failure({ binary, version: "2.10" })).message, "is version 2.1.0, but 2.10 was asked for")
    })
  )

  it.live("a server that dies at its start shows the end of its log, and nothing is left", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* scratch, "data")
      const error = yield* failure({ directory, config: { no_such_setting: 1 } })
      assert.strictEqual(error.reason._tag, "DidNotStart")
      assert.match(error.message, /The server ended while it started\..*It wrote last:\n {2}.*no_such_setting/s)
      assert.isFalse(fs.existsSync(path.join(directory, "owner.json")))
      yield* NatsServer.make({ directory })
    })
  )

  it.live("a server that is not ready in time is ended", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const binary = path.join(directory, "nats-server")
      const script = "#!/bin/sh\n[ $1 = -v ] && exec echo nats-server: v2.1.0\necho begun\nexec sleep 60\n"
      fs.writeFileSync(binary, script, { mode: 0o755 })
      const error = yield* failure({ binary, directory, startTimeout: 300 })
      assert.strictEqual(error.reason._tag, "DidNotStart")
      assert.match(error.message, /The server was not ready after 300 ms\..*It wrote last:\n {2}begun/s)
      assert.isFalse(fs.existsSync(path.join(directory, "owner.json")))
    })
  )

  it.live("options that cannot be carried out", () =>
    Effect.gen(function* () {
      assert.include((yield* failure({ config: { Listen: "0.0.0.0:4222" } })).message, "127.0.0.1 only")
      assert.include((yield* failure({ config: { cluster: {} } })).message, "Use `NatsServer.cluster`")
      assert.include((yield* failure({ config: { "a b": 1 } })).message, "is not the name of a setting")
      assert.include((yield* failure({ config: { jetstream: false } })).message, "JetStream is always on")
      assert.include((yield* failure({ config: { jetstream: { store_dir: "/" } } })).message, "the option `directory`")
      assert.include((yield* failure({ port: 70_000 })).message, "from 1 to 65535, but 70000 was given")
      const size = yield* Effect.scoped(Effect.flip(NatsServer.cluster({ size: 1 })))
      assert.include(size.message, "NatsServer.cluster: The option size is a whole number from 2 on, but 1 was given")
    })
  )
})
