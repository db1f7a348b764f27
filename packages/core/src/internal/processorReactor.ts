// A reactor as a processor: one event after the other, and the checkpoint moves after each.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Aggregate from "../Aggregate.ts"
import type { Recorded } from "../EventData.ts"
import * as EventFilter from "../EventFilter.ts"
import type { Page } from "../EventStore.ts"
import * as Metadata from "../Metadata.ts"
import type { EffectsOf, HandleError, Processor, Turn } from "../Processor.ts"
import type { Tagged } from "./eventCodec.ts"
import { attempt } from "./handlerAttempt.ts"
import { EventFailed } from "./processorErrors.ts"

/** The processor of a reactor's handlers. */
export const make = <Name extends string, H>(
  name: Name,
  from: ReadonlyArray<Aggregate.Any>,
  handle: H
): Processor<Name, Effect.Error<EffectsOf<H>>, Effect.Services<EffectsOf<H>>> => {
  type Failure = Effect.Error<EffectsOf<H>>
  type Services = Effect.Services<EffectsOf<H>>
  if (name === "") throw new TypeError("A reactor needs a name: its checkpoint is kept under it.")
  const categories = from.map((aggregate) => ({
    category: aggregate.name,
    types: typesOf(aggregate, from.length, handle)
  }))
  const codecs = new Map(from.map((aggregate) => [aggregate.name, aggregate.codecs.event]))

  const react = (recorded: Recorded): Effect.Effect<unknown, EventFailed<Failure>, Services> => {
    const decoded = codecs.get(recorded.category)?.decode(recorded.type, recorded.data)
    if (decoded === undefined || Result.isFailure(decoded)) {
      const problem = `it cannot be decoded: ${decoded?.failure ?? "its category is no source"}`
      return Effect.fail(new EventFailed<Failure>({ event: recorded, failure: undefined, problem }))
    }
    const event: Recorded<Tagged> = { ...recorded, data: decoded.success }
    // The handlers' types were checked against the sources in `Processor.reactor`; here they are called by name.
    return attempt(recorded, () => call(handle, from.length, event) as Effect.Effect<unknown, Failure, Services>).pipe(
      Metadata.inReactionTo(recorded)
    )
  }

  return {
    name,
    checkpoint: `reactor/${name}`,
    filter: EventFilter.categories(categories),
    handle: Effect.fnUntraced(function* (
      page: Page,
      { commit, retry }: Turn<Failure>
    ): Effect.fn.Return<void, HandleError<Failure>, Services> {
      for (const event of page.events) yield* retry(commit(event.position, react(event)))
      if (page.events.at(-1)?.position !== page.through) yield* commit(page.through, Effect.void)
    })
  }
}

/** The types of an aggregate that the handlers handle; undefined for all of them. */
const typesOf = (aggregate: Aggregate.Any, sources: number, handle: unknown): ReadonlyArray<string> => {
  if (typeof handle === "function") return aggregate.eventTypes
  const types = Object.keys(property(sources === 1 ? handle : property(handle, aggregate.name)) ?? {})
  const unknown = types.find((type) => !aggregate.eventTypes.includes(type))
  if (unknown !== undefined)
    throw new TypeError(`A reactor handles "${unknown}", but ${aggregate.name} has no such event.`)
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
