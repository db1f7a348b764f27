// The handlers of reactors and transactional handlers: which events they want, and what one of them does with an event.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Aggregate from "../Aggregate.ts"
import type { Recorded } from "../EventData.ts"
import type * as EventFilter from "../EventFilter.ts"
import type { EffectsOf, Step } from "../Processor.ts"
import type { Tagged, Undecoded } from "./eventCodec.ts"
import { attempt } from "./handlerAttempt.ts"
import { EventFailed } from "./processorErrors.ts"
import * as spans from "./spans.ts"
import { decoder, filterOf } from "./todaysEvents.ts"

/** What handlers are to a runner. */
export interface EventHandlers<E, R> {
  readonly filter: EventFilter.EventFilter
  /** Decodes events; their key is their stream. */
  readonly prepare: (events: ReadonlyArray<Recorded>) => ReadonlyArray<Step>
  /** Handles an event; what it causes carries it as its cause. */
  readonly react: (step: Step) => Effect.Effect<unknown, EventFailed<E>, R>
}

/** The handlers as they were given. Throws a TypeError for what cannot work. */
export const make = <H>(
  what: string,
  name: string,
  from: ReadonlyArray<Aggregate.Any>,
  handle: H
): EventHandlers<Effect.Error<EffectsOf<H>>, Effect.Services<EffectsOf<H>>> => {
  type Failure = Effect.Error<EffectsOf<H>>
  type Services = Effect.Services<EffectsOf<H>>
  if (name === "") throw new TypeError(`A ${what} needs a name: its checkpoint is kept under it.`)
  const sources = from.map((aggregate) => ({ aggregate, types: typesOf(what, aggregate, from.length, handle) }))
  const decode = decoder(sources)

  return {
    filter: filterOf(sources),
    prepare: (events) =>
      events.flatMap((recorded): ReadonlyArray<Step> => {
        const decoded = decode(recorded)
        if (Result.isFailure(decoded)) return [undecodedStep(recorded, recorded.stream, decoded.failure)]
        const events = decoded.success
        return events.length === 0 ? [] : [{ recorded, events, key: recorded.stream, problem: undefined }]
      }),
    react: ({ events, problem, recorded, undecoded }) => {
      if (problem !== undefined) {
        return Effect.fail(new EventFailed<Failure>({ event: recorded, failure: undefined, problem, undecoded }))
      }
      // The handlers' types were checked against the sources in `Processor`; here they are called by name.
      const react = (event: Recorded<Tagged>) =>
        attempt(recorded, () => call(handle, from.length, event) as Effect.Effect<unknown, Failure, Services>)
      const [only] = events
      const done =
        only !== undefined && events.length === 1 ? react(only) : Effect.forEach(events, react, { discard: true })
      return spans.reaction(name, recorded, done)
    }
  }
}

/** A step of an event that cannot be decoded here. */
export const undecodedStep = (recorded: Recorded, key: string, { newest, problem }: Undecoded): Step => ({
  recorded,
  events: [],
  key,
  problem: `it cannot be decoded: ${problem}`,
  undecoded: newest === undefined ? "UndecodableEvent" : "NewerVersion"
})

/** The types of an aggregate that the handlers handle; undefined for all of them. */
const typesOf = (what: string, aggregate: Aggregate.Any, sources: number, handle: unknown): ReadonlyArray<string> => {
  if (typeof handle === "function") return aggregate.eventTypes
  const types = Object.keys(property(sources === 1 ? handle : property(handle, aggregate.name)) ?? {})
  const unknown = types.find((type) => !aggregate.eventTypes.includes(type))
  if (unknown !== undefined)
    throw new TypeError(`A ${what} handles "${unknown}", but ${aggregate.name} has no such event.`)
  return types
}

const property = (from: unknown, ...path: ReadonlyArray<string>): object | undefined => {
  let value = from
  for (const key of path) value = (value as { readonly [key: string]: unknown } | undefined)?.[key]
  return value as object | undefined
}

const call = (handle: unknown, sources: number, event: Recorded<Tagged>): unknown => {
  if (typeof handle === "function") return handle(event) as unknown
  const handler = sources === 1 ? property(handle, event.type) : property(handle, event.category, event.type)
  return (
    (handler as ((event: Tagged, recorded: Recorded<Tagged>) => unknown) | undefined)?.(event.data, event) ??
    Effect.void
  )
}
