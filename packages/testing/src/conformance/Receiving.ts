// Receiving: messages for the laws of a bus, and subscribers that write down what they handled.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { Bus } from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import type { CategoryFilter } from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"

/** A new message of a key, with a number. */
export const message = (topic: string, key: string, n: number): Effect.Effect<Message> =>
  Effect.map(EventId.generate, (id) => ({
    id,
    key: `${topic}-${key}`,
    category: topic,
    type: "Told",
    schemaVersion: 1,
    stream: StreamName.make(topic, key),
    revision: Revision.make(n),
    data: { n },
    metadata: {}
  }))

/** New messages, numbered from a number on, of some keys in turn. */
export const messages = (topic: string, count: number, keys = 3, from = 0): Effect.Effect<ReadonlyArray<Message>> =>
  Effect.forEach(Fresh.range(count), (i) => message(topic, `key ${(from + i) % keys}`, from + i))

/** The numbers of messages. */
export const numbersOf = (all: ReadonlyArray<Message>): ReadonlyArray<number> =>
  all.map(({ data }) => Number((data as { readonly n?: unknown } | null)?.n))

/** A subscriber at work. */
export interface Receiver {
  readonly group: string
  /** What it handled, in order. */
  readonly got: ReadonlyArray<Message>
  /** Kills it and waits until it is dead. */
  readonly kill: Effect.Effect<void>
}

/** Subscribes until the scope closes; a new group, one topic and a handler that only writes down, unless given. */
export const receive = Effect.fnUntraced(function* <E = never>(
  topic: string,
  options: {
    readonly group?: string
    readonly topics?: ReadonlyArray<CategoryFilter>
    readonly handle?: (message: Message) => Effect.Effect<unknown, E>
    readonly retry?: Schedule.Schedule<unknown, E>
  } = {}
): Effect.fn.Return<Receiver, never, Bus | Scope.Scope> {
  const bus = yield* Bus
  const group = options.group ?? (yield* Fresh.name("group"))
  const got: Array<Message> = []
  const subscription = { topics: options.topics ?? [{ category: topic }], retry: options.retry ?? Schedule.recurs(0) }
  const fiber = yield* Effect.forkScoped(
    bus.subscribe(group, subscription, (one) =>
      Effect.andThen(
        Effect.suspend(() => options.handle?.(one) ?? Effect.void),
        Effect.sync(() => got.push(one))
      )
    )
  )
  return { group, got, kill: Fiber.interrupt(fiber) }
})

/** Waits until so many messages were handled. */
export const gets = (did: string, got: ReadonlyArray<Message>, count: number) =>
  Check.eventually(
    did,
    `${count} messages are handled`,
    Effect.sync(() => got.length),
    (n) => n >= count
  )

/** The messages of each key have rising numbers, and none comes twice. */
export const inOrder = (did: string, got: ReadonlyArray<Message>) => {
  const last = new Map<string, number>()
  const wrong: Array<string> = []
  for (const one of got) {
    const [n = 0] = numbersOf([one])
    const before = last.get(one.key) ?? -1
    if (n <= before) wrong.push(`${one.key}: ${n} after ${before}`)
    last.set(one.key, n)
  }
  return Check.equal(`${did}: messages out of order`, wrong, [])
}
