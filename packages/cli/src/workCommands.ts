// workCommands: the commands for processors, what they have parked, and read models.
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as flags from "./flags.ts"
import { lazily } from "./lazily.ts"

const processors = Command.make(
  "processors",
  {
    app: flags.app,
    watch: Flag.Boolean("watch").pipe(
      Flag.withAlias("w"),
      Flag.withDescription("Again and again, until Ctrl-C"),
      Flag.withDefault(false)
    ),
    every: flags.positive("every", "Seconds between two looks").pipe(Flag.withDefault(2))
  },
  lazily(
    () => import("./processors.ts"),
    ({ processors }) => processors
  )
).pipe(
  Command.withShortDescription("Show how far each processor is"),
  Command.withDescription("Show how far each processor is, who works on it, what it stopped on and what it has parked")
)

const list = Command.make(
  "list",
  { processor: flags.processor.pipe(Argument.withDefault(undefined)) },
  lazily(
    () => import("./parked.ts"),
    ({ list }) => list
  )
).pipe(Command.withDescription("List what is parked, by one processor or by all"))

const show = Command.make(
  "show",
  { processor: flags.processor, id: flags.eventId },
  lazily(
    () => import("./parked.ts"),
    ({ show }) => show
  )
).pipe(Command.withDescription("Show a parked event and why it is parked"))

const retry = Command.make(
  "retry",
  { processor: flags.processor, key: flags.text("key", "Only the events of this key; all unless given") },
  lazily(
    () => import("./parked.ts"),
    ({ retry }) => retry
  )
).pipe(
  Command.withDescription(
    "Have parked events tried again, in order, by whoever runs the processor. Exit code 1: nothing is parked."
  )
)

const drop = Command.make(
  "drop",
  { processor: flags.processor, id: flags.eventId, yes: flags.yes },
  lazily(
    () => import("./parked.ts"),
    ({ drop }) => drop
  )
).pipe(Command.withDescription("Give a parked event up: it will never be handled"))

const parked = Command.make("parked").pipe(
  Command.withShortDescription("Find what is set aside, read why, retry or drop it"),
  Command.withDescription("Find what processors have set aside, read why, and have it tried again or give it up"),
  Command.withSubcommands([list, show, retry, drop])
)

const rebuild = Command.make(
  "rebuild",
  {
    projection: Argument.String("projection").pipe(Argument.withDescription("Its name, or name@version")),
    app: Flag.String("app").pipe(
      Flag.withDescription("The module of your application that exports the projection, such as ./dist/projections.js")
    ),
    partitions: Flag.Int("partitions").pipe(
      Flag.withDescription("Into how many parts the keys are divided, 1 to 16"),
      Flag.withDefault(1),
      Flag.filter(
        (n) => n >= 1 && n <= 16,
        (n) => `${n} is not between 1 and 16`
      )
    )
  },
  lazily(
    () => import("./rebuild.ts"),
    ({ rebuild }) => rebuild
  )
).pipe(
  Command.withShortDescription("Make a read model's rows anew"),
  Command.withDescription(
    "Make a read model's rows anew while the old ones are read, and switch. Interrupted, it goes on from there."
  )
)

export const workCommands = [processors, parked, rebuild] as const
