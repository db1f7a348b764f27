// Owners: a server dies with the process that started it, and a folder has one living owner.
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NatsServer from "../src/NatsServer.ts"
import { isGone, owner, processesWith, scratch, until } from "./support/scratch.ts"

const parentOf = (pid: number): number =>
  Number(execFileSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" }))

describe.concurrent("owner", { timeout: 30_000 }, () => {
  it.live("a killed owner takes its server along, and its temporary folder", () =>
    Effect.gen(function* () {
      const { child, directory, pid } = yield* owner({})
      assert.isFalse(isGone(pid))
      child.kill("SIGKILL")
      yield* until("the server has ended", () => isGone(pid))
      yield* until("the folder is gone", () => !fs.existsSync(directory))
    })
  )

  it.live("also when the server is paused", () =>
    Effect.gen(function* () {
      const { child, pid } = yield* owner({})
      process.kill(pid, "SIGSTOP")
      child.kill("SIGKILL")
      yield* until("the server has ended", () => isGone(pid))
    })
  )

  it.live("an owner that is asked to end takes its server along", () =>
    Effect.gen(function* () {
      const { child, directory, pid } = yield* owner({})
      child.kill("SIGTERM")
      yield* until("the server has ended", () => isGone(pid))
      yield* until("the folder is gone", () => !fs.existsSync(directory))
    })
  )

  it.live("a folder has one living owner; when that is killed, the next one may have it at once", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* scratch, "data")
      const first = yield* owner({ directory })
      const error = yield* Effect.flip(NatsServer.make({ directory }))
      assert.strictEqual(error.reason._tag, "FolderNotUsable")
      assert.include(error.message, `is in use by process ${first.child.pid}. End that`)
      assert.isFalse(isGone(first.pid))
      first.child.kill("SIGKILL")
      const server = yield* NatsServer.make({ directory })
      assert(isGone(first.pid))
      assert.isFalse(isGone(yield* server.pid))
    })
  )

  it.live("an orphan whose watchdog was killed too is ended by the next owner", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* scratch, "data")
      const first = yield* owner({ directory })
      process.kill(parentOf(first.pid), "SIGKILL")
      first.child.kill("SIGKILL")
      yield* Effect.sleep(300)
      assert.isFalse(isGone(first.pid))
      yield* NatsServer.make({ directory })
      assert(isGone(first.pid))
    })
  )

  it.live("an interruption at any moment leaves no process, and the folder to the next", () =>
    Effect.gen(function* () {
      const directory = path.join(yield* scratch, "data")
      let finished = 0
      for (const millis of [0, 1, 2, 5, 10, 15, 20, 25, 30, 40, 60, 100]) {
        const fiber = yield* Effect.forkChild(Effect.scoped(NatsServer.make({ directory })))
        yield* Effect.sleep(millis)
        yield* Fiber.interrupt(fiber)
        if (Exit.isSuccess(yield* Fiber.await(fiber))) finished++
        assert.deepStrictEqual(processesWith(directory), [])
        assert.isFalse(fs.existsSync(path.join(directory, "owner.json")))
      }
      assert.isBelow(finished, 12)
      yield* NatsServer.make({ directory })
    })
  )

  it.live("an interruption stops a server that runs", () =>
    Effect.gen(function* () {
      let pid: number | undefined
      const fiber = yield* Effect.forkChild(
        Effect.gen(function* () {
          const server = yield* NatsServer.NatsServer
          pid = yield* server.pid
          return yield* Effect.never
        }).pipe(Effect.provide(NatsServer.layer()))
      )
      yield* until("it runs", () => pid !== undefined)
      assert.isFalse(isGone(pid))
      yield* Fiber.interrupt(fiber)
      assert(isGone(pid))
    })
  )
})
