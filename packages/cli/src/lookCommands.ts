// lookCommands: the commands that look into a store and change nothing.
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as flags from "./flags.ts"
import { lazily } from "./lazily.ts"

const doctor = Command.make(
  "doctor",
  {},
  lazily(
    () => import("./doctor.ts"),
    ({ doctor }) =>
      () =>
        doctor
  )
).pipe(
  Command.withShortDescription("Say what is wrong with a store, and what to do"),
  Command.withDescription(
    "Look at the server's settings and versions, the role's rights, what holds readers up, and how the processors are; say " +
      "what to mend. Exit code 1: the store cannot be used, or can lose what was stored."
  )
)

const streams = Command.make(
  "streams",
  {
    category: Argument.String("category").pipe(
      Argument.withDescription("List the streams of this category; all categories unless given"),
      Argument.withDefault(undefined)
    ),
    limit: flags.positive("limit", "At most so many lines").pipe(Flag.withDefault(undefined)),
    system: flags.system
  },
  lazily(
    () => import("./streams.ts"),
    ({ streams }) => streams
  )
).pipe(
  Command.withShortDescription("List categories, or the streams of one"),
  Command.withDescription("List categories, or the streams of one, by events, size and last event; reads all of them")
)

const read = Command.make(
  "read",
  {
    what: flags.what,
    from: flags.text("from", "From this position on (revision for a stream), or this time; included"),
    to: flags.text("to", "Up to this position (revision for a stream), or this time; included"),
    types: flags.types,
    backwards: Flag.Boolean("backwards").pipe(Flag.withDescription("The last one first"), Flag.withDefault(false)),
    limit: flags.positive("limit", "At most so many events").pipe(Flag.withDefault(undefined)),
    system: flags.system
  },
  lazily(
    () => import("./read.ts"),
    ({ read }) => read
  )
).pipe(
  Command.withDescription("Print events, one a line; --json prints one JSON document a line"),
  Command.withExamples([
    { command: "evolvent read Account-7", description: "The history of a stream" },
    { command: "evolvent read Account --type Deposited --from 2026-05-01 --json", description: "For jq" },
    { command: "evolvent read all --backwards --limit 20", description: "The last events of the store" }
  ])
)

const tail = Command.make(
  "tail",
  {
    what: flags.what.pipe(Argument.withDefault("all")),
    limit: Flag.Int("lines").pipe(
      Flag.withAlias("n"),
      Flag.withDescription("Begin with so many events, from 0 on"),
      Flag.filter(
        (n) => n >= 0,
        (n) => `${n} is less than 0`
      ),
      Flag.withDefault(10)
    ),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withDescription("Go on with what comes, until Ctrl-C"),
      Flag.withDefault(false)
    ),
    types: flags.types,
    system: flags.system
  },
  lazily(
    () => import("./read.ts"),
    ({ tail }) => tail
  )
).pipe(Command.withDescription("Print the last events; with -f go on with what comes"))

const show = Command.make(
  "show",
  {
    id: flags.eventId,
    stream: flags.text("stream", "The event's stream: then it is found at once"),
    system: flags.system
  },
  lazily(
    () => import("./show.ts"),
    ({ show }) => show
  )
).pipe(
  Command.withShortDescription("Show an event, what caused it and what it led to"),
  Command.withDescription("Show an event in full, what caused it and what it led to; reads the log")
)

const verify = Command.make(
  "verify",
  {
    folder: flags.folder.pipe(
      Argument.withDescription("Check the archive or export in this folder, and not the store"),
      Argument.withDefault(undefined)
    )
  },
  lazily(
    () => import("./verify.ts"),
    ({ verify }) => verify
  )
).pipe(
  Command.withShortDescription("Read everything and check it"),
  Command.withDescription(
    "Read everything and check it: revisions dense, positions and times in order, ids unique; of a folder the checksums, " +
      "too. Exit code 1: something is wrong."
  )
)

export const lookCommands = [doctor, streams, read, tail, show, verify] as const
