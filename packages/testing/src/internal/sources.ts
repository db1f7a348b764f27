// The past of a projection at random: its sources' aggregates decide commands on several streams, in turns.
import * as Option from "effect/Option"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Aggregate from "evolvent/Aggregate"
import type { StreamEvents } from "../Events.ts"
import { fromSchema, jsonOf, samples } from "./commands.ts"
import type { Candidates } from "./commands.ts"
import * as Histories from "./histories.ts"
import type { Tally } from "./histories.ts"
import * as Lores from "./lore.ts"
import type { Random } from "./random.ts"
import { simplerEverywhere, simplerJson } from "./shrink.ts"
import { tracer as tracerOf } from "./trace.ts"
import type { Growing, Tracer } from "./trace.ts"

interface Tagged {
  readonly _tag: string
}

type AnyAggregate = Aggregate.Aggregate<string, unknown, Tagged, Tagged, unknown, unknown>

/** A command for one stream of a source, or an event that just happened there, with what is known of it. */
export interface Happening {
  readonly source: Source
  readonly streamId: string
  readonly command?: Tagged
  readonly event?: Tagged
  readonly recorded?: Pick<StreamEvents, "recordedAt" | "metadata">
}

/** An aggregate that a projection reads. */
export interface Source {
  readonly aggregate: AnyAggregate
  readonly tracer: Tracer<Tagged, Tagged, unknown, unknown>
  readonly json: ReturnType<typeof jsonOf<Tagged>>
  readonly ids: ReadonlyArray<string>
  readonly counts: Tally
  readonly candidates: () => Candidates<Tagged, unknown>
}

/** A source of a projection; whatever its types are, it decides and evolves. */
export const sourceOf = (any: Aggregate.Any, seed: string | number): Source => {
  const aggregate = any as AnyAggregate
  let candidates: Candidates<Tagged, unknown> | undefined
  return {
    aggregate,
    tracer: tracerOf(aggregate),
    json: jsonOf(aggregate.schemas.command),
    ids: idsOf(aggregate, seed),
    counts: Histories.tally(aggregate.eventTypes),
    candidates: () => (candidates ??= fromSchema(aggregate.schemas.command, seed))
  }
}

const idsOf = ({ schemas }: AnyAggregate, seed: string | number): ReadonlyArray<string> => {
  const codec = Schema.toCodecJson(schemas.id)
  const simple = ["1", "2", "3"]
  if (simple.every((id) => Option.isSome(Schema.decodeUnknownOption(codec)(id)))) return simple
  const encode = Schema.encodeUnknownOption(codec)
  const made = samples(() => Arbitrary.schema(schemas.id), { count: 20, size: 8, seed }).flatMap((id) => {
    const text = Option.getOrUndefined(encode(id))
    return typeof text === "string" && text !== "" && text.isWellFormed() && !text.includes("\u0000") ? [text] : []
  })
  return [...new Set(made)].slice(0, 3)
}

/** A random list of commands on the streams of some sources. */
export const happenings = (
  sources: ReadonlyArray<Source>,
  random: Random,
  maxCommands: number
): ReadonlyArray<Happening> => {
  const lore = Lores.make()
  const streams = sources.flatMap((source) => {
    const growing = source.ids.slice(0, 1 + random.below(source.ids.length)).map((streamId) => {
      const { name } = source.aggregate
      lore.learn({ id: streamId, [`${name.charAt(0).toLowerCase()}${name.slice(1)}Id`]: streamId })
      return { source, streamId, growing: source.tracer.begin() }
    })
    return growing
  })
  const items: Array<Happening> = []
  const length = 1 + random.below(maxCommands)
  let refusals = 0
  while (items.length < length && refusals < Histories.patience * streams.length) {
    const stream = random.pick(streams)
    if (stream === undefined) break
    const { growing, source, streamId } = stream
    const state = growing.state()
    const candidates = source.candidates()(state, lore, random)
    const command = Histories.choose(source.tracer, candidates, state, source.counts, random)
    if (command === undefined) break
    items.push({ source, streamId, command })
    const before = growing.trace.events.length
    const sound = growing.execute(command)
    const step = growing.trace.steps.at(-1)
    const happened = growing.trace.events.slice(before)
    if (step?.command === command) Histories.record(command, step.decision, source.counts)
    if (!sound) break
    refusals = happened.length === 0 ? refusals + 1 : 0
    Histories.learn(source.aggregate, lore, command, happened, growing.state())
  }
  return items
}

const unknownTime = { recordedAt: undefined, metadata: {} }

/** What happens, event by event; events that cannot be stored do not happen (a law of the aggregate says so). */
export const pastOf = (items: ReadonlyArray<Happening>): ReadonlyArray<StreamEvents> => {
  const streams = new Map<Source, Map<string, Growing<Tagged, Tagged, unknown, unknown>>>()
  const growingOf = ({ source, streamId }: Happening) => {
    const ofSource = streams.get(source) ?? new Map<string, Growing<Tagged, Tagged, unknown, unknown>>()
    streams.set(source, ofSource)
    const growing = ofSource.get(streamId) ?? source.tracer.begin()
    ofSource.set(streamId, growing)
    return growing
  }
  return items.flatMap((item) => {
    const { command, event, source, streamId } = item
    const happened = event === undefined ? [] : [event]
    if (command !== undefined) {
      const growing = growingOf(item)
      if (growing.trace.faulty !== undefined) return []
      const before = growing.trace.events.length
      growing.execute(command)
      happened.push(...growing.trace.events.slice(before))
    }
    const events = happened.filter((one) => Result.isSuccess(source.tracer.stored(one)))
    return events.length === 0
      ? []
      : [{ aggregate: source.aggregate as Aggregate.Any, streamId, events, ...(item.recorded ?? unknownTime) }]
  })
}

/** The variants of one command with simpler values. */
export function* simpler(item: Happening): Generator<Happening> {
  const { command, source } = item
  const encoded = command === undefined ? undefined : source.json.encode(command)
  if (encoded === undefined) return
  for (const json of simplerJson(encoded)) {
    const decoded = source.json.decode(json)
    if (decoded !== undefined) yield { ...item, command: decoded }
  }
}

/** The variants of a history in which a stream is an earlier one, or one value of all commands is simpler everywhere. */
export function* simplerAll(items: ReadonlyArray<Happening>): Generator<ReadonlyArray<Happening>> {
  const streams = new Map(items.map((item) => [`${item.source.aggregate.name}-${item.streamId}`, item]))
  for (const { source, streamId } of streams.values()) {
    for (const earlier of source.ids.slice(0, Math.max(0, source.ids.indexOf(streamId)))) {
      yield items.map((item) =>
        item.source === source && item.streamId === streamId ? { ...item, streamId: earlier } : item
      )
    }
  }
  const encoded = items.map(({ command, source }) =>
    command === undefined ? null : (source.json.encode(command) ?? null)
  )
  if (encoded.includes(null)) return
  for (const jsons of simplerEverywhere(encoded)) {
    const changed = items.flatMap((item, i) => {
      const command = item.source.json.decode(jsons[i] ?? null)
      return command === undefined ? [] : [{ ...item, command }]
    })
    if (changed.length === items.length) yield changed
  }
}
