// Broken buses, one for each law of a bus.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import type { Message, Parked, Subscription } from "evolvent/Bus"
import * as EventId from "evolvent/EventId"
import type { Break, Messages, Mutant } from "./Mutant.ts"

const broken = (change: (whole: Messages) => Partial<Messages>): Break => ({
  bus: (whole) => ({ ...whole, ...change(whole) })
})

type Handler<E, R> = (message: Message) => Effect.Effect<unknown, E, R>

/** Handles otherwise; what it remembers lasts for one law. */
const handles = (make: () => <E, R>(handle: Handler<E, R>, subscription: Subscription<E>) => Handler<E, R>): Break =>
  broken(({ subscribe }) => {
    const change = make()
    return { subscribe: (group, subscription, handle) => subscribe(group, subscription, change(handle, subscription)) }
  })

const parks = (change: (parked: ReadonlyArray<Parked>) => ReadonlyArray<Parked>): Break =>
  broken(({ parked }) => ({ parked: (group) => Effect.map(parked(group), change) }))

/** Subscribes under another name of the group, by how many subscriptions it had and has. */
const regroups = (rename: (group: string, had: number, has: number) => string): Break =>
  broken(({ subscribe }) => {
    const had = new Map<string, number>()
    const has = new Map<string, number>()
    const add = (counts: Map<string, number>, group: string, by: number) =>
      counts.set(group, (counts.get(group) ?? 0) + by)
    return {
      subscribe: (group, subscription, handle) =>
        Effect.suspend(() => {
          const name = rename(group, had.get(group) ?? 0, has.get(group) ?? 0)
          add(had, group, 1)
          add(has, group, 1)
          return Effect.ensuring(
            subscribe(name, subscription, handle),
            Effect.sync(() => add(has, group, -1))
          )
        })
    }
  })

const fromNow = broken(({ publish, subscribe }) => {
  const published = new Set<string>()
  const groups = new Set<string>()
  return {
    publish: (messages) =>
      Effect.tap(publish(messages), () => Effect.sync(() => messages.forEach(({ id }) => published.add(id)))),
    subscribe: (group, subscription, handle) =>
      Effect.suspend(() => {
        groups.add(group)
        const before = new Set(groups.size >= 3 ? published : [])
        return subscribe(group, subscription, (message) => (before.has(message.id) ? Effect.void : handle(message)))
      })
  }
})

const atMostOnce = handles(() => {
  const begun = new Set<string>()
  return (handle) => (message) =>
    Effect.suspend(() =>
      begun.has(message.id)
        ? Effect.void
        : Effect.onExit(handle(message), (exit) =>
            Effect.sync(() => {
              if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) begun.add(message.id)
            })
          )
    )
})

const again = handles(() => {
  const failed = new Set<string>()
  return (handle) => (message) =>
    Effect.suspend(() => {
      const before = failed.has(message.id)
      return handle(message).pipe(
        Effect.tapError(() => Effect.sync(() => failed.add(message.id))),
        Effect.tap(() => (before ? handle(message) : Effect.void))
      )
    })
})

const crowdsOut = broken(({ publish }) => {
  let publishers = 0
  return {
    publish: (messages) =>
      Effect.gen(function* () {
        publishers += 1
        yield* Effect.yieldNow
        const crowd = publishers >= 8
        if (!crowd) yield* publish(messages)
        yield* Effect.yieldNow
        publishers -= 1
      })
  }
})

const stopsAll = handles(() => {
  const keys = new Set<string>()
  const failed = Deferred.makeUnsafe<void>()
  return <E, R>(handle: Handler<E, R>): Handler<E, R> =>
    (message) =>
      Effect.suspend(() => {
        keys.add(message.key)
        const handled = Effect.tapCause(handle(message), () => Deferred.succeed(failed, undefined))
        // The others may be faster than the one that fails: they are held until it has.
        return keys.size <= 10
          ? handled
          : Effect.flatMap(Effect.timeoutOption(Deferred.await(failed), "500 millis"), ({ _tag }) =>
              _tag === "Some" ? Effect.die("another key failed") : handled
            )
      })
})

export const bus: ReadonlyArray<Mutant> = [
  {
    law: "Bus 1",
    breaks: "metadata does not arrive",
    by: handles(() => (handle) => (message) => handle({ ...message, metadata: {} }))
  },
  {
    law: "Bus 2",
    breaks: "six messages of four keys are published backwards",
    by: broken(({ publish }) => ({
      publish: (messages) =>
        publish(
          messages.length === 6 && new Set(messages.map(({ key }) => key)).size === 4 ? messages.toReversed() : messages
        )
    }))
  },
  { law: "Bus 3", breaks: "the third group begins with what comes after it", by: fromNow },
  {
    law: "Bus 4",
    breaks: "the third subscriber of a group gets everything again",
    by: regroups((group, _, has) => (has >= 2 ? `${group} again` : group))
  },
  {
    law: "Bus 5",
    breaks: "a group gets all types of its categories",
    by: broken(({ subscribe }) => ({
      subscribe: (group, subscription, handle) => {
        const topics = subscription.topics.map(({ category }) => ({ category }))
        return subscribe(group, { ...subscription, topics }, handle)
      }
    }))
  },
  {
    law: "Bus 6",
    breaks: "a message with other metadata is another message",
    by: broken(({ publish }) => ({
      publish: (messages) =>
        Effect.flatMap(
          Effect.forEach(messages, (message) =>
            message.metadata.actor === "someone else"
              ? Effect.map(EventId.generate, (id) => ({ ...message, id }))
              : Effect.succeed(message)
          ),
          publish
        )
    }))
  },
  {
    law: "Bus 7",
    breaks: "a used id with other content is taken in silence",
    by: broken(({ publish }) => ({
      publish: (messages) =>
        messages.length > 1
          ? publish(messages)
          : Effect.catchReason(publish(messages), "BusError", "MessageIdReused", () => Effect.void)
    }))
  },
  { law: "Bus 8", breaks: "a message whose handler was killed is lost", by: atMostOnce },
  {
    law: "Bus 9",
    breaks: "a group begins anew when it was subscribed often",
    by: regroups((group, had) => (had >= 3 ? `${group} ${had}` : group))
  },
  { law: "Bus 10", breaks: "what more than seven publish at once is lost", by: crowdsOut },
  {
    law: "Bus 11",
    breaks: "a message that was handled after a retry is handled again",
    by: again,
    also: ["Bus 18", "Bus 19", "Bus 21"]
  },
  {
    law: "Bus 12",
    breaks: "the problem of a parked message is not kept",
    by: parks((all) => all.map((one) => (one.problem.includes("Refused") ? { ...one, problem: "it failed" } : one)))
  },
  {
    law: "Bus 13",
    breaks: "three parked messages come backwards",
    by: parks((all) => (all.length === 3 ? all.toReversed() : all))
  },
  { law: "Bus 14", breaks: "one failing key of many stops the others", by: stopsAll },
  {
    law: "Bus 15",
    breaks: "a handler that dies is called again",
    by: handles(
      () => (handle) => (message) => Effect.catchDefect(handle(message), (defect) => Effect.fail(defect as never))
    )
  },
  {
    law: "Bus 16",
    breaks: "what is parked is parked for all groups",
    by: broken(({ parked, subscribe }) => {
      const groups = new Set<string>()
      return {
        subscribe: (group, subscription, handle) => {
          groups.add(group)
          return subscribe(group, subscription, handle)
        },
        parked: () => Effect.map(Effect.forEach([...groups], parked), (all) => all.flat())
      }
    })
  },
  {
    law: "Bus 17",
    breaks: "a group that is subscribed again has nothing parked",
    by: broken(({ parked, subscribe }) => {
      const groups = new Map<string, number>()
      return {
        subscribe: (group, subscription, handle) => {
          groups.set(group, (groups.get(group) ?? 0) + 1)
          return subscribe(group, subscription, handle)
        },
        parked: (group) => (groups.get(group) === 2 ? Effect.succeed([]) : parked(group))
      }
    })
  },
  {
    law: "Bus 18",
    breaks: "asked for all that is parked it does nothing",
    by: broken(({ retry }) => ({
      retry: (group, options) => (options?.key === undefined ? Effect.succeed([]) : retry(group, options))
    }))
  },
  {
    law: "Bus 19",
    breaks: "asked for one key it takes all",
    by: broken(({ retry }) => ({ retry: (group) => retry(group) }))
  },
  { law: "Bus 20", breaks: "what is dropped stays", by: broken(() => ({ drop: () => Effect.void })) },
  {
    law: "Bus 21",
    breaks: "what is asked for while nobody subscribes is forgotten",
    by: broken(({ retry, subscribe }) => {
      const here = new Map<string, number>()
      const add = (group: string, by: number) => Effect.sync(() => here.set(group, (here.get(group) ?? 0) + by))
      return {
        subscribe: (group, subscription, handle) =>
          Effect.acquireUseRelease(
            add(group, 1),
            () => subscribe(group, subscription, handle),
            () => add(group, -1)
          ),
        retry: (group, options) => ((here.get(group) ?? 0) > 0 ? retry(group, options) : Effect.succeed([]))
      }
    })
  },
  {
    law: "Bus 22",
    breaks: "what is behind a refused message is published all the same",
    by: broken(({ publish }) => ({
      publish: (messages) =>
        Effect.tapError(publish(messages), () =>
          Effect.forEach(messages, (one) => Effect.ignore(publish([one])), { discard: true })
        )
    }))
  }
]
