// spans: one comparison where nobody traces, and where somebody does a span with addresses and counts, never with data unasked.
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Tracer from "effect/Tracer"
import type { Recorded } from "../EventData.ts"
import type { EventFilter } from "../EventFilter.ts"
import type { Append, Appended } from "../EventStore.ts"
import * as Metadata from "../Metadata.ts"
import * as StreamName from "../StreamName.ts"
import { IncludesData } from "../Tracing.ts"
import { stringify } from "./json.ts"
import * as traceparents from "./traceparent.ts"

type Attributes = Record<string, unknown>

/**
 * Whether somebody traces: a tracer was provided, and is not switched off.
 *
 * Effect's own default makes spans as well, for nobody, and each of them costs as much as a tenth of what an append of a group
 * takes.
 */
export const isTraced = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.cache.tracer !== undefined && fiber.cache.tracerEnabled

/** Runs an effect in a span, where somebody traces. */
export const within = <A, E, R>(
  name: string,
  options: (includesData: boolean) => Tracer.SpanOptionsNoTrace,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) =>
    isTraced(fiber)
      ? Effect.useSpan(name, options(fiber.getRef(IncludesData)), (span) =>
          Effect.provideService(effect, Tracer.ParentSpan, span)
        )
      : effect
  )

/** Adds to the span that an effect runs in; where nobody traces there is none of the library's. */
export const note = (attributes: () => Attributes): Effect.Effect<void> =>
  Effect.withFiber((fiber) => (isTraced(fiber) ? Effect.annotateCurrentSpan(attributes()) : Effect.void))

const textOf = (data: unknown): string => Result.getOrElse(stringify(data as Json), (problem) => `(${problem})`)

/** What a command came to: rejections are no errors, and what they say is the domain's. */
interface Executed {
  readonly events: ReadonlyArray<unknown>
  readonly revision: number | undefined
  readonly position: number
  readonly repeated: boolean
}

/** A command: its span ends well where the domain says no, and as a failure where something broke. */
export const execute = <A extends Executed, E, R>(
  category: string,
  command: unknown,
  isFailure: (error: unknown) => boolean,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    if (!isTraced(fiber)) return effect
    const settled = Effect.matchEffect(effect, {
      onFailure: (error): Effect.Effect<Result.Result<A, E>, E> =>
        isFailure(error)
          ? Effect.fail(error)
          : Effect.as(
              note(() => ({ "evolvent.outcome": "rejected", "evolvent.rejection": tagOf(error) })),
              Result.fail(error)
            ),
      onSuccess: (done): Effect.Effect<Result.Result<A, E>> =>
        Effect.as(
          note(() => ({
            "evolvent.outcome": done.repeated ? "repeated" : done.events.length === 0 ? "nothing" : "appended",
            "evolvent.events": done.events.length,
            "evolvent.revision": done.revision,
            "evolvent.position": done.position
          })),
          Result.succeed(done)
        )
    })
    const options = (includesData: boolean): Tracer.SpanOptionsNoTrace => ({
      attributes: {
        "evolvent.category": category,
        "evolvent.command": tagOf(command),
        ...(includesData ? { "evolvent.command.data": textOf(command) } : {})
      }
    })
    return Effect.flatMap(within(`execute ${category}`, options, settled), Effect.fromResult)
  })

const tagOf = (value: unknown): string =>
  typeof value === "object" && value !== null && "_tag" in value
    ? String(value._tag)
    : value instanceof Error
      ? value.name
      : typeof value

/** Loads an entity. */
export const load = <A, E, R>(category: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  within(`load ${category}`, () => ({ attributes: { "evolvent.category": category } }), effect)

/** A page of a read, or the history of a stream. */
export const read = <A, E, R>(filter: EventFilter, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    if (!isTraced(fiber)) return effect
    const target = sourceOf(filter)
    if (target.startsWith("$")) return effect
    const options: Tracer.SpanOptionsNoTrace = {
      kind: "client",
      attributes: {
        "db.operation.name": "read",
        "db.collection.name": target,
        ...(filter._tag === "Stream" ? { "evolvent.stream": filter.stream } : {})
      }
    }
    return within(`read ${target}`, () => options, effect)
  })

const sourceOf = (filter: EventFilter): string => {
  if (filter._tag === "Stream") return StreamName.category(filter.stream)
  if (filter._tag === "All") return "all"
  const [first] = filter.categories
  return first !== undefined && filter.categories.length === 1 ? first.category : "several categories"
}

/**
 * An append, of which its events carry the span as the trace that they are part of. What is appended for the library itself
 * is part of no trace.
 */
export const append = <E, R>(
  appends: ReadonlyArray<Append>,
  effect: Effect.Effect<ReadonlyArray<Appended>, E, R>
): Effect.Effect<ReadonlyArray<Appended>, E, R> => {
  const [first] = appends
  if (first === undefined || StreamName.isSystemCategory(first.stream)) return effect
  const options = (includesData: boolean) => appendOptions(appends, includesData)
  return within(`append ${targetOf(appends)}`, options, noted(appends, effect))
}

const targetOf = (appends: ReadonlyArray<Append>): string => {
  const categories = new Set(appends.map(({ stream }) => StreamName.category(stream)))
  return categories.size === 1 ? [...categories].join("") : `${categories.size} categories`
}

const appendOptions = (appends: ReadonlyArray<Append>, includesData: boolean): Tracer.SpanOptionsNoTrace => {
  const events = appends.flatMap((one) => one.events)
  return {
    kind: "producer",
    attributes: {
      "db.operation.name": "append",
      "db.collection.name": targetOf(appends),
      ...(events.length > 1 ? { "db.operation.batch.size": events.length } : {}),
      "evolvent.events": events.length,
      ...(appends.length === 1 ? { "evolvent.stream": appends[0]?.stream } : { "evolvent.streams": appends.length }),
      ...(includesData ? { "evolvent.event.data": textOf(events.map(({ data }) => data)) } : {})
    }
  }
}

const noted = <E, R>(appends: ReadonlyArray<Append>, effect: Effect.Effect<ReadonlyArray<Appended>, E, R>) =>
  Effect.tap(effect, ([one]) =>
    appends.length === 1 && one !== undefined
      ? note(() => ({
          "evolvent.revision": one.revision,
          "evolvent.position": one.position,
          "evolvent.repeated": one.repeated
        }))
      : Effect.void
  )

/** What is told of the event that a span is about. */
type Handled = Pick<Recorded, "id" | "type" | "stream" | "revision" | "metadata"> & {
  readonly category: string
  readonly data?: unknown
}

/** Handles one event: with the metadata of what it causes, and as part of its trace. */
export const reaction = <A, E, R>(
  processor: string,
  event: Handled,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Metadata.inReactionTo(event)(
    within(
      `handle ${processor}`,
      (includesData) => ({
        kind: "consumer",
        attributes: {
          "messaging.system": "evolvent",
          "messaging.operation.name": "handle",
          "messaging.operation.type": "process",
          "messaging.destination.name": event.category,
          "messaging.consumer.group.name": processor,
          "messaging.message.id": event.id,
          "evolvent.event.type": event.type,
          "evolvent.stream": event.stream,
          "evolvent.revision": event.revision,
          ...(includesData ? { "evolvent.event.data": textOf(event.data) } : {})
        }
      }),
      effect
    )
  )

// As many links as OpenTelemetry keeps of a span.
const mostLinks = 128

/** Handles a page of events, which come from many traces: one of its own, with links to theirs. */
export const page = <A, E, R>(
  { checkpoint, name }: { readonly name: string; readonly checkpoint: string },
  steps: ReadonlyArray<{ readonly recorded: Recorded }>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  if (steps.length === 0) return effect
  const isRelay = checkpoint.startsWith("relay/")
  const operation = isRelay ? "relay" : "handle"
  return within(
    `${operation} ${name}`,
    () => ({
      kind: isRelay ? "producer" : "consumer",
      root: true,
      links: linksOf(steps),
      attributes: {
        "messaging.system": "evolvent",
        "messaging.operation.name": operation,
        "messaging.operation.type": isRelay ? "send" : "process",
        "messaging.consumer.group.name": name,
        "messaging.batch.message_count": steps.length,
        "evolvent.position": steps.at(-1)?.recorded.position
      }
    }),
    effect
  )
}

const linksOf = (steps: ReadonlyArray<{ readonly recorded: Recorded }>): ReadonlyArray<Tracer.SpanLink> => {
  const links = new Map<string, Tracer.SpanLink>()
  for (const { recorded } of steps) {
    if (links.size >= mostLinks) break
    const { traceparent } = recorded.metadata
    if (traceparent === undefined || links.has(traceparent)) continue
    const span = traceparents.parse(traceparent)
    if (span !== undefined) links.set(traceparent, { span, attributes: {} })
  }
  return [...links.values()]
}

/** Hands messages to the bus. */
export const publish = <A, E, R>(
  messages: ReadonlyArray<{ readonly category: string }>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  within(
    `publish ${destinationOf(messages)}`,
    () => ({
      kind: "producer",
      attributes: {
        "messaging.system": "evolvent",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": destinationOf(messages),
        "messaging.batch.message_count": messages.length
      }
    }),
    effect
  )

const destinationOf = (messages: ReadonlyArray<{ readonly category: string }>): string => {
  const first = messages[0]?.category ?? "nothing"
  return messages.every(({ category }) => category === first) ? first : "several categories"
}
