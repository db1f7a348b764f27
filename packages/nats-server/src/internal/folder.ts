// The folder of a server: what lies in it, and the one living process that owns it.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { FolderNotUsable } from "../NatsServerError.ts"
import { pause } from "./pause.ts"
import { birthOf, isSame, signal } from "./processes.ts"

/** The places in a server's folder; `jetstream`, which the server makes, lies beside them. */
export interface Folder {
  readonly root: string
  readonly log: string
  readonly config: string
  readonly owner: string
}

const anotherFolder =
  "Give another directory, or none: then a folder for temporary files is used and removed at the end."

/** Makes the folder if it is missing and sees that this process may use it. */
export const open = (directory: string): Effect.Effect<Folder, FolderNotUsable> =>
  Effect.try({
    try: () => {
      fs.mkdirSync(directory, { recursive: true })
      fs.accessSync(directory, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK)
      const root = fs.realpathSync(directory)
      return {
        root,
        log: path.join(root, "server.log"),
        config: path.join(root, "server.conf"),
        owner: path.join(root, "owner.json")
      }
    },
    catch: (cause) =>
      new FolderNotUsable({
        folder: directory,
        problem: `This process${whoAmI()} cannot make, read or write the folder ${directory}`,
        hint: anotherFolder,
        cause
      })
  })

const whoAmI = (): string => (process.getuid === undefined ? "" : ` (user ${process.getuid()})`)

/** A new folder for temporary files, which goes with the scope. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.try({
    try: () => fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "evolvent-nats-"))),
    catch: (cause) =>
      new FolderNotUsable({
        folder: os.tmpdir(),
        problem: `No folder for temporary files can be made in ${os.tmpdir()}`,
        hint: "Let TMPDIR name a folder that can be written, or give a directory.",
        cause
      })
  }),
  (folder) => Effect.promise(() => fs.promises.rm(folder, { recursive: true, force: true, maxRetries: 5 }))
)

const Process = Schema.Struct({ pid: Schema.Int, birth: Schema.String })
type Process = typeof Process.Type
const Owner = Schema.fromJsonString(Schema.Struct({ owner: Process, server: Schema.optionalKey(Process) }))
const decode = Schema.decodeUnknownOption(Owner)

const self = (): Process => ({ pid: process.pid, birth: birthOf(process.pid) ?? "" })

/**
 * Owns the folder until the scope closes: two servers on one folder would write over each other, and none warns.
 *
 * What a killed owner left behind is taken over; its server, if it still runs, is ended first.
 */
export const own = (folder: Folder) => Effect.acquireRelease(take(folder), () => release(folder))

/** Writes down which process serves the folder, so that the next owner knows whom a dead one left. */
export const served = (folder: Folder, pid: number): void => {
  const birth = birthOf(pid)
  // Renamed into place: nobody ever reads half of it.
  const aside = `${folder.owner}.${process.pid}.next`
  fs.writeFileSync(aside, JSON.stringify({ owner: self(), ...(birth === undefined ? {} : { server: { pid, birth } }) }))
  fs.renameSync(aside, folder.owner)
}

// As many looks, each after 25 milliseconds, until a living owner is believed to stay.
const dying = 40

const take = Effect.fnUntraced(function* (folder: Folder) {
  for (let attempt = 0; ; attempt++) {
    const written = yield* Effect.try({
      try: () => create(folder.owner, JSON.stringify({ owner: self() })),
      catch: (cause) =>
        new FolderNotUsable({
          folder: folder.root,
          problem: `The owner of the folder cannot be written to ${folder.owner}`,
          hint: anotherFolder,
          cause
        })
    })
    if (written) return
    const found = read(folder.owner)
    const claim = decode(found)
    if (claim._tag === "Some" && isSame(claim.value.owner.pid, claim.value.owner.birth)) {
      const { pid } = claim.value.owner
      // One that was killed a moment ago may still be on its way out.
      if (pid !== process.pid && attempt < dying) {
        yield* pause(25)
        continue
      }
      const who = pid === process.pid ? `this very process (${pid}), by another layer` : `process ${pid}`
      return yield* new FolderNotUsable({
        folder: folder.root,
        problem: `The folder ${folder.root} is in use by ${who}`,
        hint: `End that, use its server, or give another directory.`
      })
    }
    // An unreadable one may be in the midst of being written.
    if (claim._tag === "None" && attempt < 20) yield* pause(25)
    else {
      if (claim._tag === "Some" && claim.value.server !== undefined) yield* end(claim.value.server)
      discard(folder.owner, found)
    }
  }
})

/** Ends an orphan, as its watchdog does unless that is gone as well. */
const end = Effect.fnUntraced(function* ({ birth, pid }: Process) {
  const began = performance.now()
  while (isSame(pid, birth)) {
    signal(pid, performance.now() - began < 5000 ? "SIGTERM" : "SIGKILL")
    signal(pid, "SIGCONT")
    yield* pause(50)
  }
})

const create = (file: string, content: string): boolean => {
  try {
    fs.writeFileSync(file, content, { flag: "wx" })
    return true
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return false
    throw cause
  }
}

const read = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** Removes the dead owner's file, unless another process was faster and it is a living one's by now. */
const discard = (file: string, dead: string | undefined): void => {
  const aside = `${file}.${process.pid}`
  try {
    fs.renameSync(file, aside)
    const taken = read(aside)
    if (taken !== undefined && taken !== dead) create(file, taken)
    fs.rmSync(aside, { force: true })
  } catch {
    // Another process removed it.
  }
}

const release = (folder: Folder) =>
  Effect.sync(() => {
    const claim = decode(read(folder.owner))
    if (claim._tag === "Some" && claim.value.owner.pid === process.pid) fs.rmSync(folder.owner, { force: true })
  })
