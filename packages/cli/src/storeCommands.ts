// storeCommands: the commands that make stores, copy them, and take streams out of them.
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as flags from "./flags.ts"
import { lazily } from "./lazily.ts"

const migrate = Command.make(
  "migrate",
  {
    replicas: flags
      .positive("replicas", "NATS: on how many servers each message is kept, where streams are made")
      .pipe(Flag.withDefault(1)),
    removal: Flag.Boolean("removal").pipe(
      Flag.withDescription("NATS: whether streams can be archived and deleted later; cannot be changed once made"),
      Flag.withDefault(false)
    )
  },
  lazily(
    () => import("./migrate.ts"),
    ({ migrate }) => migrate
  )
).pipe(
  Command.withShortDescription("Bring the store to what this version needs"),
  Command.withDescription(
    "Bring the store to what this version needs: the schema on PostgreSQL, as its owner; streams and buckets on NATS"
  )
)

const clear = Command.make(
  "clear",
  { what: flags.what, yes: flags.yes },
  lazily(
    () => import("./snapshots.ts"),
    ({ clear }) => clear
  )
).pipe(Command.withDescription("Delete snapshots; no answer changes by it"))

const snapshots = Command.make("snapshots").pipe(
  Command.withDescription("The cache of folded states"),
  Command.withSubcommands([clear])
)

const several = (description: string) =>
  Argument.String("stream").pipe(Argument.withDescription(description), Argument.variadic())

const archive = Command.make(
  "archive",
  {
    folder: flags.folder,
    streams: Argument.String("stream").pipe(
      Argument.withDescription("Streams to which nothing will be appended any more"),
      Argument.atLeast(1)
    ),
    app: flags.app,
    ignore: Flag.String("ignore").pipe(
      Flag.withDescription("A processor that need not have read them; may be given several times"),
      Flag.atLeast(0)
    ),
    force: Flag.Boolean("force").pipe(
      Flag.withDescription("Also what a processor has not read, or has parked: it will never see it"),
      Flag.withDefault(false)
    ),
    reason: flags.text("reason", "Why, for the tombstones"),
    yes: flags.yes
  },
  lazily(
    () => import("./archives.ts"),
    ({ archive }) => archive
  )
).pipe(
  Command.withShortDescription("Take streams out of the store into a folder"),
  Command.withDescription(
    "Copy streams into a folder, check the copy, and take them out of the store. Called again it goes on where it was. " +
      "Exit code 1: somebody still has to read them, or one grew meanwhile and was kept."
  )
)

const restore = Command.make(
  "restore",
  { folder: flags.folder, streams: several("Only these; all of the archive unless given") },
  lazily(
    () => import("./archives.ts"),
    ({ restore }) => restore
  )
).pipe(
  Command.withShortDescription("Bring archived streams back"),
  Command.withDescription("Bring archived streams back to where they stood (PostgreSQL)")
)

const exporting = Command.make(
  "export",
  {
    folder: flags.folder,
    categories: Flag.String("category").pipe(
      Flag.withDescription("Only this category; may be given several times"),
      Flag.atLeast(0)
    ),
    system: flags.system
  },
  lazily(
    () => import("./copies.ts"),
    ({ exportTo }) => exportTo
  )
).pipe(
  Command.withShortDescription("Copy all events into a folder"),
  Command.withDescription("Copy all events into a folder and read the copy back; called again it adds what is new")
)

const importing = Command.make(
  "import",
  { folder: flags.folder },
  lazily(
    () => import("./copies.ts"),
    ({ importFrom }) => importFrom
  )
).pipe(
  Command.withShortDescription("Copy a folder into an empty store"),
  Command.withDescription(
    "Copy a folder that `export` wrote into the store, which must hold none of it yet, or a part of this very copy"
  )
)

export const storeCommands = [migrate, exporting, importing, archive, restore, snapshots] as const
