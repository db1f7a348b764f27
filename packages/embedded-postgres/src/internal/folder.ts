// The data folder: what lies in it, whether it is ours, and who may reach it.
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import { FolderNotACluster, FolderNotAccessible, WrongMajorVersion } from "../EmbeddedPostgresError.ts"
import { type Account, barrier, isRoot } from "./account.ts"

/** The places in a data folder. */
export interface Folder {
  readonly root: string
  /** PostgreSQL's own data; it is there when it is whole. */
  readonly data: string
  /** Where this process makes the data: by a name of its own, since a dead one's programs may still be writing. */
  readonly partial: string
  readonly log: string
  readonly owner: string
  readonly password: string
}

const names = { data: "pgdata", log: "server.log", owner: "owner.json", password: "password" }

/** Whether a name is that of data that was never finished. */
export const isPartial = (name: string): boolean => /^pgdata\.partial-[0-9a-f]{8}$/.test(name)

/** What is left when all else has failed. */
export const anotherDataDir =
  "Give another dataDir, or none: then a folder for temporary files is used and removed at the end."

/** Makes the folder if it is missing and sees that this process may use it. */
export const open = (dataDir: string): Effect.Effect<Folder, FolderNotAccessible> =>
  Effect.try({
    try: () => {
      fs.mkdirSync(dataDir, { recursive: true })
      fs.accessSync(dataDir, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)
      const root = fs.realpathSync(dataDir)
      return {
        root,
        data: path.join(root, names.data),
        partial: path.join(root, `pgdata.partial-${randomBytes(4).toString("hex")}`),
        log: path.join(root, names.log),
        owner: path.join(root, names.owner),
        password: path.join(root, names.password)
      }
    },
    catch: (cause) =>
      new FolderNotAccessible({
        folder: dataDir,
        problem: `This process${whoAmI()} cannot make, read or write the data folder ${dataDir}`,
        hint: anotherDataDir,
        cause
      })
  })

const whoAmI = (): string => (process.getuid === undefined ? "" : ` (user ${process.getuid()})`)

/** Whether the folder holds data of this major version ("data"), or may have some made ("empty"). Changes nothing. */
export const inspect = Effect.fnUntraced(function* (folder: Folder, major: string) {
  const found = yield* reading(folder, () => fs.readdirSync(folder.root))
  const ours: ReadonlyArray<string> = Object.values(names)
  if (!found.includes(names.data)) {
    const foreign = found.filter(
      (name) => !ours.includes(name) && !isPartial(name) && !name.startsWith(`${names.owner}.`)
    )
    if (foreign.length === 0) return "empty" as const
    return yield* new FolderNotACluster({ folder: folder.root, found: foreign })
  }
  const uid = fs.statSync(folder.data).uid
  if (process.getuid !== undefined && !isRoot() && uid !== process.getuid()) {
    return yield* new FolderNotAccessible({
      folder: folder.data,
      problem: `The data in ${folder.data} belongs to user ${uid}, but this process runs as user ${process.getuid()}`,
      hint: `Run as that user or as root, or hand the folder over with chown -R. ${anotherDataDir}`
    })
  }
  const version = yield* reading(folder, () => {
    const file = path.join(folder.data, "PG_VERSION")
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : undefined
  })
  if (version === undefined) {
    return yield* new FolderNotACluster({ folder: folder.data, found: fs.readdirSync(folder.data) })
  }
  return version === major
    ? ("data" as const)
    : yield* new WrongMajorVersion({ folder: folder.root, found: version, expected: major })
})

const reading = <A>(folder: Folder, body: () => A): Effect.Effect<A, FolderNotAccessible> =>
  Effect.try({
    try: body,
    catch: (cause) =>
      new FolderNotAccessible({
        folder: folder.root,
        problem: `This process${whoAmI()} cannot read the data folder ${folder.root}`,
        hint: anotherDataDir,
        cause
      })
  })

/**
 * The path by which the account reaches a folder that a program is started in.
 *
 * Root's own folders are closed to the server's user, but root may start a program inside one, and on Linux the program
 * finds that place as its own working folder, whatever lies above it. So nobody else's way in is opened.
 */
export const reach = (place: string, account: Account | undefined): Effect.Effect<string, FolderNotAccessible> => {
  const closed = account === undefined ? undefined : barrier(path.dirname(place), account)
  if (closed === undefined) return Effect.succeed(place)
  if (process.platform === "linux") return Effect.succeed("/proc/self/cwd")
  return Effect.fail(
    new FolderNotAccessible({
      folder: closed,
      problem:
        `The server's user (${account?.uid}, since PostgreSQL does not run as root) cannot enter ${closed}, ` +
        `above the data folder ${place}`,
      hint: `Run as a user that is not root. ${anotherDataDir}`
    })
  )
}

/** Gives a folder and all in it to the account. */
export const handOver = (place: string, account: Account): Effect.Effect<void, FolderNotAccessible> =>
  Effect.try({
    try: () => {
      for (const name of ["", ...fs.readdirSync(place, { recursive: true, encoding: "utf8" })]) {
        fs.lchownSync(path.join(place, name), account.uid, account.gid)
      }
    },
    catch: (cause) =>
      new FolderNotAccessible({
        folder: place,
        problem: `Root cannot give ${place} to the server's user ${account.uid}, and PostgreSQL does not run as root`,
        hint: `Some shared and mounted folders do not allow it: run as a user that is not root. ${anotherDataDir}`,
        cause
      })
  })
