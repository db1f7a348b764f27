// The cache: one folder per version of the server, shared by all processes of this user.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { FolderNotUsable } from "../NatsServerError.ts"

/** The folder of all cached servers: EVOLVENT_CACHE moves it. */
export const cacheFolder = (): string => path.join(process.env["EVOLVENT_CACHE"] || systemsOwn(), "nats-server")

const systemsOwn = (): string => {
  const base =
    process.platform === "darwin"
      ? path.join(os.homedir(), "Library", "Caches")
      : process.env["XDG_CACHE_HOME"] || path.join(os.homedir(), ".cache")
  return path.join(base, "evolvent")
}

/** The programs in the cache, by the version that their folder names. */
export const cached = (): ReadonlyArray<{ readonly path: string; readonly version: string }> => {
  const folder = cacheFolder()
  if (!fs.existsSync(folder)) return []
  return fs
    .readdirSync(folder)
    .filter((version) => /^\d/.test(version))
    .map((version) => ({ path: path.join(folder, version, "nats-server"), version }))
    .filter((program) => fs.existsSync(program.path))
}

const notUsable = (folder: string) => (cause: unknown) =>
  new FolderNotUsable({
    folder,
    problem: `The cache folder ${folder} cannot be made or written`,
    hint: "Let EVOLVENT_CACHE name a folder that can, or install a server on this machine.",
    cause
  })

const anHour = 3_600_000

/** A new folder inside the cache, on the same disk, to unpack things in; it goes with the scope. */
export const workshop = Effect.acquireRelease(
  Effect.try({
    try: () => {
      const folder = cacheFolder()
      fs.mkdirSync(folder, { recursive: true })
      for (const name of fs.readdirSync(folder).filter((name) => name.startsWith(".partial-"))) {
        // A process that was killed left it.
        const { mtimeMs } = fs.statSync(path.join(folder, name), { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
        if (Date.now() - mtimeMs > anHour) fs.rmSync(path.join(folder, name), { recursive: true, force: true })
      }
      return fs.mkdtempSync(path.join(folder, ".partial-"))
    },
    catch: (cause) => notUsable(cacheFolder())(cause)
  }),
  (folder) => Effect.promise(() => fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 5 }))
)

/**
 * Moves a program from a workshop into the cache.
 *
 * By one rename: other processes that fetch or run the same one see the old or the new, never a part.
 */
export const keep = (program: string, version: string): Effect.Effect<string, FolderNotUsable> =>
  Effect.try({
    try: () => {
      const folder = path.join(cacheFolder(), version)
      fs.mkdirSync(folder, { recursive: true })
      fs.chmodSync(program, 0o755)
      const to = path.join(folder, "nats-server")
      fs.renameSync(program, to)
      return to
    },
    catch: (cause) => notUsable(cacheFolder())(cause)
  })
