// Where the server comes from: the PATH, the cache, the distribution, the project's releases, or an error that says how.
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cacheFolder } from "../src/internal/cache.ts"
import { compareVersions } from "../src/internal/found.ts"
import { installCommand } from "../src/internal/hint.ts"
import { locate } from "../src/internal/locate.ts"
import { archiveName } from "../src/internal/release.ts"
import { info } from "../src/internal/monitor.ts"
import * as NatsServer from "../src/NatsServer.ts"
import { fakeApt, onlyPrograms, packed, releases, standIn } from "./support/releases.ts"
import { environment, scratch } from "./support/scratch.ts"
import { servers } from "./support/servers.ts"

/** A machine with nothing on it but what unpacks archives: an empty cache and no server on the PATH. */
const bareMachine = Effect.gen(function* () {
  const base = yield* scratch
  const bin = onlyPrograms(path.join(base, "machine", "bin"), ["tar", "gzip"])
  const cache = path.join(base, "cache")
  yield* environment({ PATH: bin, EVOLVENT_CACHE: cache, EVOLVENT_NATS_DOWNLOADS: undefined })
  return { base, bin, cache: path.join(cache, "nats-server") }
})

// One after the other: each changes this process's environment.
describe("binary", { timeout: 30_000 }, () => {
  it.live(
    "prefers the PATH and what lies in sbin beside it, then the newest of the cache, and sees what runs only",
    () =>
      Effect.gen(function* () {
        const { base, bin, cache } = yield* bareMachine
        const cached = (version: string) => standIn(path.join(cache, version, "nats-server"), version)
        const [old, middle, young] = [cached("2.9.10"), cached("2.10.27"), cached("2.10.3")]
        fs.writeFileSync(path.join(fs.mkdtempSync(path.join(cache, "9")), "nats-server"), "not a program", {
          mode: 0o755
        })
        fs.mkdirSync(path.join(cache, "3.0.0"))
        assert.strictEqual((yield* locate({})).path, middle)
        assert.strictEqual((yield* locate({ version: "2.9" })).path, old)
        assert.deepStrictEqual(yield* locate({ version: "2.10.3" }), { path: young, version: "2.10.3" })
        const own = standIn(path.join(base, "machine", "sbin", "nats-server"), "1.4.1")
        assert.deepStrictEqual(yield* locate({}), { path: own, version: "1.4.1" })
        assert.strictEqual((yield* locate({ version: "2.9" })).path, old)
        const first = standIn(path.join(bin, "nats-server"), "1.5.0")
        assert.deepStrictEqual(
          (yield* NatsServer.found).map(({ path }) => path),
          [first, own, middle, young, old]
        )
      })
  )

  it.live("says where it looked and the one command that installs a server, when nothing may be fetched", () =>
    Effect.gen(function* () {
      const { cache } = yield* bareMachine
      const error = yield* Effect.flip(Effect.scoped(NatsServer.make({ downloads: "off" })))
      assert.strictEqual(error.reason._tag, "NotFound")
      assert.include(error.message, `fetching one is switched off. Looked at: the PATH; ${cache}. Install one with`)
      assert.include(error.hint, installCommand())
      yield* environment({ EVOLVENT_NATS_DOWNLOADS: "off" })
      standIn(path.join(cache, "2.9.10", "nats-server"), "2.9.10")
      const other = yield* Effect.flip(Effect.scoped(NatsServer.make({ version: "2.12" })))
      assert.include(other.message, "No NATS server of version 2.12 was found")
      assert.include(other.message, `${path.join(cache, "2.9.10", "nats-server")} is 2.9.10`)
    })
  )

  it.live("knows the cache folder of the system, and moves with the environment", () =>
    Effect.gen(function* () {
      yield* environment({ EVOLVENT_CACHE: undefined, XDG_CACHE_HOME: undefined })
      const usual = process.platform === "darwin" ? ["Library", "Caches"] : [".cache"]
      assert.strictEqual(cacheFolder(), path.join(os.homedir(), ...usual, "evolvent", "nats-server"))
      if (process.platform !== "darwin") {
        yield* environment({ XDG_CACHE_HOME: "/xdg" })
        assert.strictEqual(cacheFolder(), "/xdg/evolvent/nats-server")
      }
      yield* environment({ EVOLVENT_CACHE: "/own" })
      assert.strictEqual(cacheFolder(), "/own/nats-server")
    })
  )

  it.live("fetches the project's release, checks it, keeps it, and runs it", () =>
    Effect.gen(function* () {
      const [program] = servers
      assert(program !== undefined)
      const archive = packed(yield* scratch, program.path, program.version)
      const { base, cache } = yield* bareMachine
      const { asked, url } = yield* releases(program.version, archive)
      const options = { version: program.version, downloads: `${url}/` }
      const server = yield* NatsServer.make(options)
      const kept = path.join(cache, program.version, "nats-server")
      assert.strictEqual(server.binary, kept)
      assert.strictEqual((yield* info(server.port))?.version, program.version)
      assert.lengthOf(asked, 2)
      assert.deepStrictEqual(fs.readdirSync(cache), [program.version])
      // The next one finds it in the cache, and asks nobody.
      yield* NatsServer.make(options)
      assert.lengthOf(asked, 2)
      assert.isTrue(kept.startsWith(base))
    })
  )

  it.live("refuses an archive with another checksum, and keeps nothing of it", () =>
    Effect.gen(function* () {
      const archive = packed(yield* scratch, standIn(path.join(yield* scratch, "x"), "2.12.7"), "2.12.7")
      const { cache } = yield* bareMachine
      const { url } = yield* releases("2.12.7", archive, "f".repeat(64))
      const error = yield* Effect.flip(Effect.scoped(NatsServer.make({ downloads: url })))
      assert.strictEqual(error.reason._tag, "DownloadFailed")
      const sum = createHash("sha256").update(archive).digest("hex")
      const name = archiveName("2.12.7", process.platform, process.arch)
      assert.include(error.message, `the sha256 of ${url}/v2.12.7/${name} is ${sum}, but its SHA256SUMS says ffff`)
      assert.include(error.message, "nothing of it was kept")
      assert.include(error.message, installCommand())
      assert.deepStrictEqual(fs.readdirSync(cache), [])
    })
  )

  it.live("says what went wrong with a release that is not there, not whole, or not what it says it is", () =>
    Effect.gen(function* () {
      const liar = packed(yield* scratch, standIn(path.join(yield* scratch, "x"), "1.0.0"), "2.12.7")
      yield* bareMachine
      const failure = (version: string | undefined, downloads: string) =>
        Effect.map(Effect.flip(Effect.scoped(NatsServer.make({ version, downloads }))), ({ message }) => message)
      const honest = yield* releases("2.12.7", liar)
      assert.include(yield* failure("2.12.8", honest.url), "/v2.12.8/SHA256SUMS: it answers 404")
      assert.include(yield* failure("3", honest.url), '"3" is not a whole version, as 2.12.7 is')
      assert.include(yield* failure(undefined, honest.url), "it says that it is version 1.0.0")
      assert.include(yield* failure("2.12", honest.url), "No NATS server of version 2.12 was found on the PATH or in")
      const broken = yield* releases("2.12.7", Buffer.from("no archive"))
      assert.match(yield* failure("2.12", broken.url), /project's release: .*(gzip|tar)/)
      broken.close()
      assert.match(yield* failure("2.12", broken.url), /project's release: http\S+SHA256SUMS: fetch failed \(.+\)/)
    })
  )

  it.live("a cache that cannot be written is a folder that is not usable", () =>
    Effect.gen(function* () {
      const { base } = yield* bareMachine
      const file = path.join(base, "file")
      fs.writeFileSync(file, "")
      yield* environment({ EVOLVENT_CACHE: path.join(file, "below") })
      const error = yield* Effect.flip(Effect.scoped(NatsServer.make({ downloads: "http://127.0.0.1" })))
      assert.strictEqual(error.reason._tag, "FolderNotUsable")
      assert.include(error.message, "Let EVOLVENT_CACHE name a folder")
    })
  )

  it.live("several processes that fetch at once all get it, and leave a whole one", () =>
    Effect.gen(function* () {
      const archive = packed(yield* scratch, standIn(path.join(yield* scratch, "x"), "2.12.7"), "2.12.7")
      const { cache } = yield* bareMachine
      const { asked, url } = yield* releases("2.12.7", archive)
      yield* environment({ EVOLVENT_NATS_DOWNLOADS: url })
      const main = path.join(import.meta.dirname, "..", "bring", "main.ts")
      const bring = Effect.promise(() => promisify(execFile)(process.execPath, [main, "2.12"], { encoding: "utf8" }))
      const outs = yield* Effect.all([bring, bring, bring, bring], { concurrency: "unbounded" })
      const line = `${path.join(cache, "2.12.7", "nats-server")} 2.12.7\n`
      assert.deepStrictEqual(
        outs.map(({ stdout }) => stdout),
        [line, line, line, line]
      )
      assert.isAbove(asked.length, 2)
      assert.deepStrictEqual(fs.readdirSync(cache), ["2.12.7"])
      assert.deepStrictEqual(fs.readdirSync(path.join(cache, "2.12.7")), ["nats-server"])
    })
  )

  it.live("takes the distribution's package by apt, the newest of the machine's own sources", () =>
    Effect.gen(function* () {
      const { bin, cache } = yield* bareMachine
      const calls = fakeApt(bin, { ownLists: true })
      assert.deepStrictEqual(yield* locate({}), { path: path.join(cache, "1.1.0", "nats-server"), version: "1.1.0" })
      assert.strictEqual((yield* NatsServer.bring("1.0")).version, "1.0.0")
      const asked = fs.readFileSync(calls, "utf8")
      assert.include(asked, "apt-get -q download nats-server=1.1.0-1+b1\n")
      assert.notInclude(asked, " update")
      assert.sameMembers(fs.readdirSync(cache), ["1.0.0", "1.1.0"])
      assert.notInclude(asked, "install")
    })
  )

  it.live("makes lists of its own on a machine that has none, and for newer releases of the distribution", () =>
    Effect.gen(function* () {
      const { bin, cache } = yield* bareMachine
      const calls = fakeApt(bin, { ownLists: false })
      assert.strictEqual((yield* locate({})).version, "1.1.0")
      const asked = fs.readFileSync(calls, "utf8")
      assert.match(asked, new RegExp(`apt-get -o Dir::State=${cache}/\\.partial-\\w+/own/state .* update\n`))
      assert.match(asked, /apt-get -o Dir::State=\S+ .* download nats-server=1\.1\.0-1\+b1\n/)
      const release = fs.existsSync("/etc/os-release") ? fs.readFileSync("/etc/os-release", "utf8") : ""
      if (/^ID=(debian|ubuntu)$/m.test(release)) {
        assert.strictEqual((yield* NatsServer.bring("2")).version, "2.0.0")
        assert.match(
          fs.readFileSync(calls, "utf8"),
          /newer\/state .*sourcelist=.* download nats-server=2\.0\.0-1\+b1\n/
        )
        assert.deepStrictEqual(
          (yield* NatsServer.bringAll).map(({ version }) => version),
          ["2.0.0", "1.1.0", "1.0.0"]
        )
      }
    })
  )

  it("compares versions by their numbers, a candidate before its release", () => {
    const sorted = ["2.9.10", "2.10.0-RC.1", "2.10.0", "2.10.27", "2.15.1"]
    assert.deepStrictEqual(sorted.toReversed().sort(compareVersions), sorted)
  })
})
