// The owner file: one living process owns a data folder, and a server whose owner died is stopped, never a stranger.
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { FolderInUse, FolderNotAccessible } from "../EmbeddedPostgresError.ts"
import { anotherDataDir, type Folder } from "./folder.ts"
import { pause } from "./pause.ts"
import { birthOf, commandOf, isSame, signal, workersIn, worksIn } from "./processes.ts"

const Owner = Schema.fromJsonString(Schema.Struct({ pid: Schema.Int, birth: Schema.String }))
const decode = Schema.decodeUnknownOption(Owner)

/**
 * Owns the folder until the scope closes.
 *
 * PostgreSQL guards its data by itself; this file only says early and clearly who has it, and tells an orphan from the
 * server of a living owner.
 */
export const own = (folder: Folder) => Effect.acquireRelease(take(folder), (content) => release(folder, content))

// As many looks, each after 25 milliseconds, until a living owner is believed to stay.
const dying = 40

const take = Effect.fnUntraced(function* (folder: Folder) {
  const content = JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) ?? "" })
  for (let attempt = 0; ; attempt++) {
    const written = yield* Effect.try({
      try: () => create(folder.owner, content),
      catch: (cause) =>
        new FolderNotAccessible({
          folder: folder.root,
          problem: `The owner of the data folder cannot be written to ${folder.owner}`,
          hint: anotherDataDir,
          cause
        })
    })
    if (written) return content
    const found = read(folder.owner)
    const owner = decode(found)
    if (owner._tag === "Some" && isSame(owner.value.pid, owner.value.birth)) {
      // One that was killed a moment ago may still be on its way out.
      if (owner.value.pid !== process.pid && attempt < dying) {
        yield* pause(25)
        continue
      }
      return yield* new FolderInUse({ folder: folder.root, pid: owner.value.pid, by: "owner" })
    }
    // An unreadable one may be in the midst of being written.
    if (owner._tag === "None" && attempt < 20) yield* pause(25)
    else discard(folder.owner, found)
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

const release = (folder: Folder, content: string) =>
  Effect.sync(() => {
    if (read(folder.owner) === content) fs.rmSync(folder.owner, { force: true })
  })

/** The last words of a server's command line, which name the folder whose owner started it. */
export const mark = (folder: Folder): string => `evolvent.folder=${folder.root}`

/** Waits until no server runs on the folder: stops an orphan of ours, fails at a stranger's. Call it as the owner. */
export const clear = Effect.fnUntraced(function* (folder: Folder) {
  const file = path.join(folder.data, "postmaster.pid")
  const began = performance.now()
  let socketFolder = ""
  for (;;) {
    const pid = Math.abs(Number.parseInt(read(file) ?? "", 10))
    // A dead server's file is PostgreSQL's to judge: some part of it may still be alive.
    if (!Number.isSafeInteger(pid) || pid === 0 || birthOf(pid) === undefined) {
      return removeEmpty(socketFolder)
    }
    const waited = performance.now() - began
    const command = commandOf(pid)
    // Whom we signal is proven twice: started by us for this folder, and at work in it.
    if (command.trimEnd().endsWith(mark(folder)) && worksIn(pid, folder.data) !== false) {
      socketFolder = read(file)?.split("\n")[4] ?? socketFolder
      if (waited > 30_000) return yield* new FolderInUse({ folder: folder.root, pid, by: "server" })
      signal(pid, waited > 15_000 ? "SIGQUIT" : "SIGINT")
    } else if (worksIn(pid, folder.data) ?? (command === "" || /postgres|postmaster/.test(command))) {
      return yield* new FolderInUse({ folder: folder.root, pid, by: "server" })
    } else if (workersIn(folder.data).length === 0) {
      // The number was given to a stranger, and PostgreSQL would take that one for its server for ever.
      fs.rmSync(file, { force: true })
      return
    } else if (waited > 30_000) {
      return yield* new FolderInUse({ folder: folder.root, pid: workersIn(folder.data)[0] ?? pid, by: "server" })
    }
    yield* pause(50)
  }
})

/** Removes the folder that an orphan had its socket in, if that is what it is. */
const removeEmpty = (folder: string): void => {
  try {
    if (path.basename(folder).startsWith("evolvent-")) fs.rmdirSync(folder)
  } catch {
    // Its watchdog did it.
  }
}
