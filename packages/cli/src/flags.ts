// flags: what several commands take.
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"

export const what = Argument.String("what").pipe(
  Argument.withDescription('A stream (Account-7), a category (Account), or "all"')
)

export const folder = Argument.String("folder").pipe(Argument.withDescription("A folder of this machine"))

export const processor = Argument.String("processor").pipe(
  Argument.withDescription("As `processors` names it: reactor/welcome, or welcome where no other has that name")
)

export const eventId = Argument.String("event id").pipe(Argument.withDescription("The event's UUID"))

export const types = Flag.String("type").pipe(
  Flag.withDescription("Only events of this type; may be given several times"),
  Flag.atLeast(0)
)

export const system = Flag.Boolean("system").pipe(
  Flag.withDescription("Also the library's own categories, which begin with $"),
  Flag.withDefault(false)
)

export const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do it without asking; needed where there is no terminal"),
  Flag.withDefault(false)
)

/** A text that may be left out. */
export const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.withDefault(undefined))

/** A whole number from one on. */
export const positive = (name: string, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(description),
    Flag.filter(
      (n) => n >= 1,
      (n) => `${n} is less than 1`
    )
  )

export const app = text(
  "app",
  "A module that exports projections and processors: then their lag counts only what they read"
)
