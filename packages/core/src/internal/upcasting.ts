// Builds the past of a union of events: the steps of each history in a row, and what takes every old version to today.
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Schema from "effect/Schema"
import type { Any, Fields, PastVersion, Upcaster } from "../Upcaster.ts"
import * as EventCodec from "./eventCodec.ts"
import type { PastDecoder, Tagged } from "./eventCodec.ts"
import { make as jsonCodec } from "./jsonCodec.ts"
import { describe } from "./thrown.ts"

/** A whole history: every old version with the step that leads on from it. */
class Whole {
  readonly endsInToCurrent = true
  readonly steps: ReadonlyArray<Step>
  constructor(steps: ReadonlyArray<Step>) {
    this.steps = steps
  }
}

/** An old version, what it was called where that was another name, and what it becomes: the next content, or events. */
interface Step {
  readonly fields: Fields
  readonly name: string | undefined
  readonly up: (content: unknown) => unknown
}

type Version = Omit<Step, "up">

/** What a history is written on. The types of it are those of `Upcaster`. */
const chain = (steps: ReadonlyArray<Step>, last: Version) => ({
  to: (fields: Fields, up: Step["up"], name?: string) => chain([...steps, { ...last, up }], { fields, name }),
  toCurrent: (up: Step["up"]) => new Whole([...steps, { ...last, up }])
})

const start = { from: (fields: Fields, name?: string) => chain([], { fields, name }) }

type Histories = { readonly [type: string]: (event: typeof start) => unknown }

/** An old version, and the steps from it to today. */
interface Way extends PastVersion {
  readonly steps: ReadonlyArray<Step>
}

/** The upcaster of a union and its histories. Throws a TypeError for what cannot be. */
export const define = <Event extends Tagged>(
  event: Schema.ConstraintCodec<Event, unknown>,
  histories: Histories,
  retired: Histories
): Upcaster<Event> => {
  const tags = EventCodec.tagsOf(event)
  const current = new Map<string, number>()
  const past: Array<Way> = []
  const claimed = new Map<string, string>()
  const claim = (type: string, schemaVersion: number, by: string): void => {
    const key = `${schemaVersion} ${type}`
    const other = claimed.get(key)
    if (other !== undefined)
      refuse(by, `version ${schemaVersion} of "${type}" is claimed by the history of ${other} too`)
    claimed.set(key, by)
  }

  const add = (type: string, history: unknown, of: string | undefined): void => {
    if (!(history instanceof Whole)) return refuse(type, "it does not end in `toCurrent`, or is not returned")
    const { steps } = history
    for (const [index, { fields, name = type }] of steps.entries()) {
      if (name === "") refuse(type, `its version ${index + 1} has an empty name`)
      if (Object.hasOwn(fields, "_tag"))
        refuse(type, `its version ${index + 1} has a field "_tag", which is never stored`)
      claim(name, index + 1, type)
      past.push({ type: name, schemaVersion: index + 1, fields, of, steps: steps.slice(index) })
    }
    if (of === undefined) return
    current.set(type, steps.length + 1)
    claim(type, steps.length + 1, type)
  }

  for (const [type, history] of Object.entries(histories)) {
    if (!tags.includes(type)) refuse(type, `the union has no such event (it has ${tags.join(", ")}); is it retired?`)
    add(type, history(start), type)
  }
  for (const tag of tags) if (!current.has(tag)) claim(tag, 1, tag)
  for (const [type, history] of Object.entries(retired)) {
    if (tags.includes(type)) refuse(type, "it is called retired, but the union has it")
    add(type, history(start), undefined)
  }

  let codec: EventCodec.EventCodec<Event> | undefined
  return {
    event,
    past,
    current,
    get codec() {
      return (codec ??= EventCodec.make(event, { decoders: decodersOf(event, past), current }))
    }
  }
}

const refuse = (type: string, problem: string): never => {
  throw new TypeError(`The history of "${type}" cannot be: ${problem}.`)
}

/** What decodes each old version and takes it to today. Its last event is checked as one that is to be stored would be. */
const decodersOf = <Event extends Tagged>(
  event: Schema.ConstraintCodec<Event, unknown>,
  past: ReadonlyArray<Way>
): ReadonlyArray<PastDecoder<Event>> => {
  const check = checkOf(event)
  return past.map(({ fields, of, schemaVersion, steps, type }) => {
    const { decode } = jsonCodec(Schema.Struct(fields))
    return {
      type,
      schemaVersion,
      decode: (data: Json) => {
        if (typeof data !== "object" || data === null || Array.isArray(data)) {
          return Result.fail(`its data is not that of version ${schemaVersion} of "${type}": it is not an object`)
        }
        const content = decode(data)
        if (Result.isFailure(content)) {
          return Result.fail(`its data is not that of version ${schemaVersion} of "${type}": ${content.failure}`)
        }
        let value: unknown = content.success
        for (const [index, { up }] of steps.entries()) {
          try {
            value = up(value)
          } catch (thrown) {
            return Result.fail(`its step up from version ${schemaVersion + index} threw ${describe(thrown)}`)
          }
          // No content is an array: these are events of today, and the way ends here.
          if (Array.isArray(value)) return Result.all(value.map((one) => check(one)))
        }
        return Result.map(of === undefined ? notEvents(value) : check(tagged(of, value), of), (one) => [one])
      }
    }
  })
}

const notEvents = (value: unknown): Result.Result<never, string> =>
  Result.fail(`its last step up gave ${typeof value}, where a retired type ends in an array of events`)

/** The content of an event with its tag; an instance of a class has it already. */
const tagged = (tag: string, content: unknown): unknown =>
  typeof content === "object" && content !== null && !("_tag" in content) ? { _tag: tag, ...content } : content

/** Makes sure that what steps gave is an event of today. */
const checkOf = <Event extends Tagged>(event: Schema.ConstraintCodec<Event, unknown>) => {
  const decode = Schema.decodeUnknownResult(Schema.toType(event))
  return (value: unknown, tag?: string): Result.Result<Event, string> => {
    const found = Result.mapError(decode(value), ({ message }) => `its steps up gave no event of today: ${message}`)
    return Result.isSuccess(found) && tag !== undefined && found.success._tag !== tag
      ? Result.fail(`its steps up gave an event "${found.success._tag}" instead of the content of "${tag}"`)
      : found
  }
}

/**
 * The types to read for events of some types: what steps return is not known before they were taken, so every type with a
 * past may hold some of them.
 */
export const storedTypes = (upcast: Any | undefined, types: ReadonlyArray<string>): ReadonlyArray<string> =>
  upcast === undefined || types.length === 0 ? types : [...new Set([...types, ...upcast.past.map(({ type }) => type)])]
