// Brings a release of the server's own project: the archive for this platform, checked against the release's checksums.
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { isWanted } from "./found.ts"
import { Refused } from "./refused.ts"
import { run } from "./run.ts"

/** The release that is taken when no version is asked for. */
const usual = "2.12.7"

/** Where the project keeps its releases. */
const projects = "https://github.com/nats-io/nats-server/releases/download"

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", arm: "arm7", ia32: "386" }

/** The name of the archive for a platform. */
export const archiveName = (version: string, platform: string, arch: string): string =>
  `nats-server-v${version}-${platform}-${architectures[arch] ?? arch}.tar.gz`

/** The program of the wanted release, unpacked in the folder, and the version that it must be. */
export const fromRelease = Effect.fnUntraced(function* (
  folder: string,
  wanted: string | undefined,
  base: string = projects
) {
  const version = isWanted(usual, wanted) ? usual : (wanted ?? usual)
  if (!/^\d+\.\d+\.\d+/.test(version)) {
    return yield* Effect.fail(new Refused(`"${version}" is not a whole version, as ${usual} is`))
  }
  const name = archiveName(version, process.platform, process.arch)
  const at = `${base.replace(/\/+$/, "")}/v${version}`
  const sums = yield* body(`${at}/SHA256SUMS`)
  const expected = sums
    .toString("utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, file]) => file === name)?.[0]
  if (expected === undefined) return yield* Effect.fail(new Refused(`${at}/SHA256SUMS does not name ${name}`))
  const archive = yield* body(`${at}/${name}`)
  const actual = createHash("sha256").update(archive).digest("hex")
  if (actual !== expected.toLowerCase()) {
    const why = `the sha256 of ${at}/${name} is ${actual}, but its SHA256SUMS says ${expected}; nothing of it was kept`
    return yield* Effect.fail(new Refused(why))
  }
  const file = path.join(folder, name)
  yield* Effect.promise(() => fs.promises.writeFile(file, archive))
  const unpacked = yield* run("tar", ["-xzf", name], { cwd: folder, timeoutMillis: 60_000 })
  const program = path.join(folder, name.replace(/\.tar\.gz$/, ""), "nats-server")
  if (fs.existsSync(program)) return { program, version }
  return yield* Effect.fail(new Refused(unpacked.problem || `${name} holds no nats-server`, unpacked.cause))
})

const body = (url: string): Effect.Effect<Buffer, Refused> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(120_000)]) })
      if (!response.ok) throw new Error(`it answers ${response.status}`)
      return Buffer.from(await response.arrayBuffer())
    },
    catch: (cause) => new Refused(`${url}: ${explained(cause)}`, cause)
  })

const explained = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message
}
