// Metadata: who caused an event, in which conversation and trace; it flows by itself from command to event to reaction.
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Json } from "effect/Schema"
import * as Tracer from "effect/Tracer"
import * as traceparent from "./internal/traceparent.ts"

/**
 * What is known of an event beside what happened.
 *
 * - `correlationId`: the conversation that everything it led to shares; the id of its first event unless given;
 * - `causationId`: the event that caused this one;
 * - `actor`: who asked for it;
 * - `traceparent`: the W3C trace context of the span that appended it;
 * - `commandId`, `commandHash`: written by `Aggregate.execute` when a command has an id;
 * - anything else that is JSON.
 *
 * Metadata is no part of an event's identity or content: an append repeated with other metadata is still a repeat.
 */
export interface Metadata {
  readonly correlationId?: string
  readonly causationId?: string
  readonly actor?: string
  readonly traceparent?: string
  readonly commandId?: string
  readonly commandHash?: string
  readonly [key: string]: Json | undefined
}

/** No metadata. */
export const empty: Metadata = {}

/** The metadata of the running fiber; every append adds it to its events. */
export const Current: Context.Reference<Metadata> = Context.Reference("evolvent/Metadata/Current", {
  defaultValue: () => empty
})

/**
 * Runs an effect with more metadata than its surroundings have.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Metadata from "evolvent/Metadata"
 *
 * const actor = Effect.map(Metadata.Current, (metadata) => metadata.actor)
 * Effect.runSync(actor.pipe(Metadata.provide({ actor: "ada" }))) // => "ada"
 * ```
 */
export const provide =
  (metadata: Metadata) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(effect, Current, (current) => ({ ...current, ...metadata }))

/** Metadata without what belongs to one command alone. */
export const withoutCommand = (metadata: Metadata): Metadata => without(metadata, ["commandId", "commandHash"])

const without = (metadata: Metadata, keys: ReadonlyArray<string>): Metadata =>
  keys.some((key) => key in metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([key]) => !keys.includes(key)))
    : metadata

/** The metadata of whatever an event causes: same conversation and actor, caused by that event. */
export const causedBy = (event: { readonly id: string; readonly metadata: Metadata }): Metadata => {
  const { actor, correlationId } = event.metadata
  return {
    correlationId: correlationId ?? event.id,
    causationId: event.id,
    ...(actor === undefined ? {} : { actor })
  }
}

/** Runs an effect as a reaction to an event: with the metadata of its cause, and as part of its trace. */
export const inReactionTo =
  (event: { readonly id: string; readonly metadata: Metadata }) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const parent = traceparent.parse(event.metadata.traceparent)
    // All at once, since this is done for each event.
    return Effect.updateContext(effect, (context: Context.Context<R>) => {
      // Who acted, in which conversation and trace, is the event's to say, never that of whoever started the processor.
      const ambient = without(Context.get(context, Current), ["actor", "traceparent", "commandId", "commandHash"])
      const reaction = Context.add(context, Current, { ...ambient, ...causedBy(event) })
      return parent === undefined ? withoutParent(reaction) : Context.add(reaction, Tracer.ParentSpan, parent)
    })
  }

// Told from other metadata by its identity: what surrounds it then is of no concern, the span of the append included.
const nothing: Metadata = {}

/** Runs an effect with no metadata of its surroundings: what it appends has exactly the metadata given with it. */
export const detached = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(effect, (context: Context.Context<R>) => withoutParent(Context.add(context, Current, nothing)))

// Nobody needs a parent span, so an environment without one is still an environment for the effect.
const withoutParent = <R>(context: Context.Context<R>): Context.Context<R> =>
  Context.getOrUndefined(context, Tracer.ParentSpan) === undefined
    ? context
    : (Context.omit(Tracer.ParentSpan)(context) as Context.Context<R>)

/** What an append that a fiber makes adds to its events: the fiber's metadata and the trace of its span. */
export const forAppend = (fiber: Fiber.Fiber<unknown, unknown>): Metadata => {
  // An append of its own has no command that made it, whatever it was handed.
  const surroundings = fiber.getRef(Current)
  if (surroundings === nothing) return nothing
  const current = withoutCommand(surroundings)
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  if (span === undefined || current.traceparent !== undefined) return current
  const text = traceparent.format(span)
  return text === undefined ? current : { ...current, traceparent: text }
}
