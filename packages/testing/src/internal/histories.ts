// Random histories of one aggregate: each command is chosen in the state that the ones before it made.
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import type { Aggregate } from "evolvent/Aggregate"
import { rejectionName } from "./commands.ts"
import type { Candidates } from "./commands.ts"
import * as Lores from "./lore.ts"
import type { Lore } from "./lore.ts"
import type { Random } from "./random.ts"
import type { Trace, Tracer } from "./trace.ts"

interface Tagged {
  readonly _tag: string
}

/** How often things happened, by name. */
export type Counts = Map<string, number>

/** What happened in all histories. */
export interface Tally {
  readonly commands: Counts
  readonly accepted: { value: number }
  readonly rejections: Counts
  readonly events: Counts
}

/** Nothing happened yet; event types are counted from 0. */
export const tally = (eventTypes: ReadonlyArray<string>): Tally => ({
  commands: new Map(),
  accepted: { value: 0 },
  rejections: new Map(),
  events: new Map(eventTypes.map((type) => [type, 0]))
})

export const add = (counts: Counts, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)

/**
 * The command to execute next: of a few, one that is accepted, and often the one that leads to what happened least.
 *
 * Now and then it is one that is rejected; and rarely one after which all others would be, so that histories get long
 * before they come to an end.
 */
export const choose = <Command extends Tagged, Event extends Tagged, State, Rejection>(
  { foresee, peek }: Tracer<Command, Event, State, Rejection>,
  candidates: ReadonlyArray<Command>,
  state: State,
  counts: Tally,
  random: Random
): Command | undefined => {
  const forRarity = random.chance(0.4)
  const forRejection = random.chance(0.15)
  const forEnd = random.chance(0.05)
  let best: Command | undefined
  let lowest = Infinity
  for (const command of candidates) {
    const decision = peek(command, state)
    // A faulty call is what the laws look for.
    if (decision === undefined) return command
    const rarity = rarityOf(decision, counts)
    let score = forRarity || rarity === 0 ? rarity : random.below(1e6)
    if (Result.isFailure(decision)) {
      score += forRejection ? -1e9 : 1e15
    } else if (rarity > 0 && !forEnd) {
      const after = foresee(state, decision.success)
      if (after !== undefined && !candidates.some((next) => happens(peek(next, after.state)))) score += 1e12
    }
    if (score < lowest) {
      best = command
      lowest = score
    }
  }
  return best
}

/** How often the rarest event of a decision happened so far, or its rejection. */
const rarityOf = (decision: Result.Result<ReadonlyArray<Tagged>, unknown>, counts: Tally): number =>
  Result.isFailure(decision)
    ? (counts.rejections.get(rejectionName(decision) ?? "") ?? 0)
    : Math.min(...decision.success.map((event) => counts.events.get(event._tag) ?? 0), 1e9)

const happens = (decision: Result.Result<ReadonlyArray<unknown>, unknown> | undefined): boolean =>
  decision === undefined || (Result.isSuccess(decision) && decision.success.length > 0)

/** Counts what a command led to. */
export const record = (
  command: Tagged,
  decision: Result.Result<ReadonlyArray<Tagged>, unknown>,
  counts: Tally
): void => {
  add(counts.commands, command._tag)
  const rejection = rejectionName(decision)
  if (rejection !== undefined) add(counts.rejections, rejection)
  else counts.accepted.value += 1
  if (Result.isSuccess(decision)) for (const event of decision.success) add(counts.events, event._tag)
}

/** Remembers the values of a command, its events, and the state that these made. */
export const learn = <Id, Command, Event extends Tagged, State, Rejection>(
  { codecs }: Aggregate<string, Id, Command, Event, State, Rejection>,
  lore: Lore,
  command: Command,
  events: ReadonlyArray<Event>,
  state: State
): void => {
  const after = events.length === 0 ? undefined : codecs.state.encode(state)
  if (after !== undefined && Result.isSuccess(after)) lore.learn(after.success)
  const encoded = codecs.command.encode(command)
  if (Result.isSuccess(encoded)) lore.learn(encoded.success.data as Json)
  for (const event of events) {
    const stored = codecs.event.encode(event)
    if (Result.isSuccess(stored)) lore.learn(stored.success.data)
  }
}

/** How many commands without an event end a history. */
export const patience = 5

/** One history of up to so many commands. */
export const history = <Id, Command extends Tagged, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<string, Id, Command, Event, State, Rejection>,
  tracer: Tracer<Command, Event, State, Rejection>,
  candidates: Candidates<Command, State>,
  counts: Tally,
  random: Random,
  maxCommands: number
): { readonly commands: ReadonlyArray<Command>; readonly trace: Trace<Command, Event, State, Rejection> } => {
  const lore = Lores.make()
  const growing = tracer.begin()
  const commands: Array<Command> = []
  const length = 1 + random.below(maxCommands)
  // A history that has come to its end is left after some more refusals.
  let refusals = 0
  while (commands.length < length && refusals < patience) {
    const state = growing.state()
    const command = choose(tracer, candidates(state, lore, random), state, counts, random)
    if (command === undefined) break
    commands.push(command)
    const before = growing.trace.events.length
    const sound = growing.execute(command)
    const step = growing.trace.steps.at(-1)
    const happened = growing.trace.events.slice(before)
    if (step?.command === command) record(command, step.decision, counts)
    if (!sound) break
    refusals = happened.length === 0 ? refusals + 1 : 0
    learn(aggregate, lore, command, happened, growing.state())
  }
  return { commands, trace: growing.trace }
}
