// The laws of a projection: what each of them looks for in what happened, and how a broken one is shown.
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Projection from "evolvent/Projection"
import * as Tombstone from "evolvent/Tombstone"
import type { Law, ProjectionLawOptions } from "../Laws.ts"
import { handleInBatches } from "./batches.ts"
import type { Sizes } from "./batches.ts"
import { samples } from "./commands.ts"
import * as Histories from "./histories.ts"
import { checks } from "./lawCheck.ts"
import type { Break } from "./lawCheck.ts"
import { rowTracer } from "./projectionTrace.ts"
import type { RowTrace, RowTracer } from "./projectionTrace.ts"
import * as Randoms from "./random.ts"
import { givenStreamsSource } from "./scenario.ts"
import { toSource } from "./source.ts"
import * as Sources from "./sources.ts"
import type { Happening } from "./sources.ts"

/** The laws of a projection. */
export const projectionLaws = <Row>(
  projection: Projection.Projection<string, Row, string>,
  options: ProjectionLawOptions
): ReadonlyArray<Law> => {
  const { name } = projection
  const { events: generator, maxCommands = 30, runs = 50, seed = 0, unreached = [] } = options
  const tracer = rowTracer(projection)
  const run = (items: ReadonlyArray<Happening>) => tracer.run(Sources.pastOf(items))
  const handled = handledTypes(projection)
  const unknown = unreached.find((one) => !handled.some((type) => type === one || type.endsWith(`.${one}`)))
  if (unknown !== undefined) {
    throw new TypeError(`laws: "${name}" handles no event "${unknown}" (it handles ${handled.join(", ")}).`)
  }
  const counts = Histories.tally(handled)

  const generate = () => {
    const random = Randoms.make(seed)
    const sources = projection.from.map((aggregate) => Sources.sourceOf(aggregate, seed))
    const pasts =
      generator === undefined
        ? Array.from({ length: runs }, () => Sources.happenings(sources, random, maxCommands))
        : samples(() => generator, { count: runs, size: maxCommands, seed }).map((past) =>
            past.flatMap(({ aggregate, events, metadata, recordedAt, streamId }) => {
              const source = sources.find((one) => one.aggregate.name === aggregate.name)
              return source === undefined
                ? []
                : events.map((event): Happening => ({ source, streamId, event, recorded: { metadata, recordedAt } }))
            })
          )
    const histories = pasts.map((items) => ({ items, history: run(items) }))
    for (const { aggregate, counts: made } of sources) {
      counts.accepted.value += made.accepted.value
      for (const [tag, count] of made.commands) counts.commands.set(`${aggregate.name}.${tag}`, count)
      for (const [tag, count] of made.rejections) counts.rejections.set(`${aggregate.name}.${tag}`, count)
    }
    for (const { history } of histories) for (const type of history.handled) Histories.add(counts.events, type)
    return histories
  }

  const { coverage, law } = checks<Happening, RowTrace<Row>>({
    subject: name,
    seed,
    counts,
    generate,
    run,
    what: generator === undefined ? "commands" : "events",
    simpler: Sources.simpler,
    simplerEverywhere: Sources.simplerAll
  })

  const faults =
    (kind: "threw" | "impure" | "mutated") =>
    ({ events, faulty }: RowTrace<Row>): Break | undefined =>
      faulty === undefined || faulty.fault.kind !== kind
        ? undefined
        : { problem: faulty.fault.problem, example: givenStreamsSource(name, events.slice(0, faulty.after)) }

  return [
    law("keys and handlers never throw", faults("threw")),
    law("keys and handlers are deterministic", faults("impure")),
    law("keys and handlers change nothing they are given", faults("mutated")),
    law("rows can be stored and come back equal", (trace) => rowsComeBack(name, tracer, trace)),
    law("events in any batches make what Projection.fold makes", (trace) =>
      batchesMakeTheFold(projection, tracer, trace, false)
    ),
    law("batches that come again change nothing", (trace) => batchesMakeTheFold(projection, tracer, trace, true)),
    coverage("every handled event is reached", unreached, (missing) => {
      const excused = `laws(…, { unreached: ${toSource(missing)} })`
      return (
        `If ${missing.length === 1 ? "it needs" : "they need"} a past that chance does not find, give one: ` +
        `laws(…, { events: … }), an Arbitrary of events(…). If they cannot happen any more: ${excused}`
      )
    })
  ]
}

// What is left of a stream that was removed comes of no command.
const handledTypes = <Row>({ filter }: Projection.Projection<string, Row, string>): ReadonlyArray<string> =>
  filter._tag === "Categories"
    ? filter.categories.flatMap(({ category, types = [] }) =>
        types.filter((type) => !Tombstone.isReserved(type)).map((type) => `${category}.${type}`)
      )
    : []

const rowsComeBack = <Row>(
  name: string,
  { sameRow, stored }: RowTracer<Row>,
  { events, rows }: RowTrace<Row>
): Break | undefined => {
  for (const { after, key, row } of rows) {
    const back = stored(row)
    if (Result.isSuccess(back) && sameRow(row, back.success)) continue
    const example = `${givenStreamsSource(name, events.slice(0, after))}.expectRow(${toSource(key)}, ${toSource(row)})`
    return {
      problem: Result.isFailure(back)
        ? `The row ${toSource(row)} cannot be stored and read: ${back.failure}`
        : `The row ${toSource(row)} comes back from the store as ${toSource(back.success)}`,
      example
    }
  }
  return undefined
}

const batchesMakeTheFold = <Row>(
  projection: Projection.Projection<string, Row, string>,
  { sameRow, stored }: RowTracer<Row>,
  { events, faulty, recorded, rows }: RowTrace<Row>,
  repeated: boolean
): Break | undefined => {
  // A handler that throws and a row that cannot be stored break other laws.
  if (faulty !== undefined || rows.some(({ row }) => Result.isFailure(stored(row)))) return undefined
  const exit = Effect.runSyncExit(Projection.fold(projection, recorded))
  const example = givenStreamsSource(projection.name, events)
  if (Exit.isFailure(exit)) return { problem: `Projection.fold failed: ${String(Cause.squash(exit.cause))}`, example }
  const expected = exit.value
  for (const sizes of partitions(recorded.length)) {
    const how = `in batches of ${sizes.join(", ")}${repeated ? ", each of them again because its checkpoint was lost" : ""}`
    const found = handleInBatches(projection, recorded, sizes, repeated)
    if (Result.isFailure(found)) return { problem: `The events ${how}: ${found.failure}`, example }
    const differs = [...new Set([...expected.keys(), ...found.success.keys()])].find((key) => {
      const one = expected.get(key)
      const other = found.success.get(key)
      return one === undefined || other === undefined ? one !== other : !sameRow(one, other)
    })
    if (differs === undefined) continue
    const text = (rows: ReadonlyMap<string, Row>) => (rows.has(differs) ? toSource(rows.get(differs)) : "no row")
    const problem =
      `The row at ${toSource(differs)} is ${text(expected)} by Projection.fold, ` +
      `but ${text(found.success)} when the processor gets the events ${how}`
    return { problem, example }
  }
  return undefined
}

/** Some ways to cut events into batches: all at once, one by one, and two at random; always the same for a length. */
const partitions = (length: number): ReadonlyArray<Sizes> => {
  if (length === 0) return []
  const random = Randoms.make(length)
  const some = (): Sizes => {
    const sizes: Array<number> = []
    for (let left = length; left > 0; left -= sizes.at(-1) ?? left) sizes.push(1 + random.below(left))
    return sizes
  }
  const all = [[length], Array.from({ length }, () => 1), some(), some()]
  return [...new Map(all.map((sizes) => [sizes.join(","), sizes])).values()]
}
