// Commands for random histories: derived from the schema and made likely, or from the user's own generator.
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Json } from "effect/Schema"
import { retell } from "./lore.ts"
import type { Lore } from "./lore.ts"
import type { Random } from "./random.ts"
import { describe } from "./text.ts"

interface Tagged {
  readonly _tag: string
}

/** Commands to choose from in a state. */
export type Candidates<Command, State> = (state: State, lore: Lore, random: Random) => ReadonlyArray<Command>

/** No commands could be made, with the reason and what to do. */
export class NoCommands extends Error {
  override readonly name = "NoCommands"
}

const choices = 6

/** Commands from the schema alone: each kind as often as another, with small numbers and values mentioned before. */
export const fromSchema = <Command extends Tagged, State>(
  schema: Schema.ConstraintCodec<Command, unknown>,
  seed: string | number
): Candidates<Command, State> => {
  const codec = Schema.toCodecJson(schema)
  const encode = Schema.encodeUnknownOption(codec)
  const decode = Schema.decodeUnknownOption(codec)
  const byTag = new Map<string, Array<Command>>()
  for (const command of samples(() => Arbitrary.schema(schema), { count: 400, size: 8, seed })) {
    const list = byTag.get(command._tag)
    if (list === undefined) byTag.set(command._tag, [command])
    else list.push(command)
  }
  const lists = [...byTag.values()]

  const make = (lore: Lore, random: Random): Command => {
    const sample = random.pick(random.pick(lists) ?? []) as Command
    const json = encode(sample)
    if (Option.isNone(json)) return sample
    // What a field accepts is known to its schema only: try a bold variation, then others, then the sample itself.
    for (let attempt = 0; attempt < 3; attempt++) {
      const command = decode(retell(json.value as Json, lore, random))
      if (Option.isSome(command)) return command.value
    }
    return sample
  }
  return (_, lore, random) => Array.from({ length: choices }, () => make(lore, random))
}

/** Commands from a generator that sees the state. */
export const fromGenerator =
  <Command, State>(generator: (state: State) => Arbitrary.Arbitrary<Command>): Candidates<Command, State> =>
  (state, _, random) =>
    samples(() => generator(state), { count: 1, size: 8, seed: random.below(2 ** 31) })

/** Some values of an arbitrary. Throws {@link NoCommands}. */
export const samples = <A>(
  arbitrary: () => Arbitrary.Arbitrary<A>,
  options: Arbitrary.SampleOptions
): ReadonlyArray<A> => {
  const exit = Effect.runSyncExit(Effect.suspend(() => Arbitrary.sampleEffect(arbitrary(), options)))
  if (Exit.isSuccess(exit)) return exit.value
  const failure = Cause.squash(exit.cause) as Error | Arbitrary.SampleError
  const reason =
    failure instanceof Error
      ? describe(failure)
      : `its filters refused ${failure.discards} values and accepted only ${failure.generated}`
  throw new NoCommands(`no values could be generated: ${reason}`, { cause: failure })
}

/** Encodes commands to JSON and back, to make them simpler. */
export const jsonOf = <A>(schema: Schema.ConstraintCodec<A, unknown>) => {
  const codec = Schema.toCodecJson(schema)
  const encode = Schema.encodeUnknownOption(codec)
  const decode = Schema.decodeUnknownOption(codec)
  return {
    encode: (value: A): Json | undefined => Option.getOrUndefined(encode(value)) as Json | undefined,
    decode: (json: Json): A | undefined => Option.getOrUndefined(decode(json))
  }
}

/** Whether a decision was a rejection, and which. */
export const rejectionName = (decision: Result.Result<unknown, unknown>): string | undefined => {
  if (Result.isSuccess(decision)) return undefined
  const rejection = decision.failure
  return typeof rejection === "object" && rejection !== null && "_tag" in rejection
    ? String(rejection._tag)
    : typeof rejection === "string"
      ? rejection
      : "(untagged)"
}
