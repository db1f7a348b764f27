// Broken inboxes, one for each law of an inbox.
import * as Effect from "effect/Effect"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as Bus from "evolvent/Bus"
import type { Message } from "evolvent/Bus"
import type { Break, Mutant } from "./Mutant.ts"

type Inbox = typeof Bus.inbox

/** Another inbox; what it remembers lasts for one law. */
const inboxes = (make: (inbox: Inbox) => Inbox): Break => ({
  functions: (functions) => ({ ...functions, inbox: make(functions.inbox) })
})

const streamIn = (group: string, { key, stream }: Message): string => JSON.stringify([group, stream, key])

/** Handles what it does not remember in the process; each time in an inbox of its own, so that nobody is in the way. */
const remembers = (
  rememberedBy: (group: string) => Map<string, number>,
  when: (exit: Exit.Exit<unknown, unknown>) => boolean
): Break =>
  inboxes((inbox) => {
    let calls = 0
    return ((group, handle, options) =>
      Effect.map(inbox(group, handle, options), () => {
        const remembered = rememberedBy(group)
        return (message: Message) =>
          Effect.suspend(() => {
            const key = streamIn(group, message)
            if (message.revision <= (remembered.get(key) ?? -1)) return Effect.void
            return Effect.onExit(
              Effect.flatMap(inbox(`${group} ${(calls += 1)}`, handle, options), (once) => once(message)),
              (exit) => Effect.sync(() => (when(exit) ? void remembered.set(key, message.revision) : undefined))
            )
          })
      })) as Inbox
  })

const shared = () => {
  const all = new Map<string, number>()
  return () => all
}

export const inbox: ReadonlyArray<Mutant> = [
  {
    law: "Inbox 1",
    breaks: "only the message that came last is known",
    by: () => {
      const last = new Map<string, number>()
      return inboxes((whole) => {
        let calls = 0
        return ((group, handle, options) =>
          Effect.map(
            whole(group, handle, options),
            () => (message: Message) =>
              Effect.suspend(() => {
                const key = streamIn(group, message)
                const before = last.get(key)
                if (before === message.revision || before === undefined || before < message.revision) {
                  return Effect.tap(
                    Effect.flatMap(whole(group, handle, options), (once) => once(message)),
                    () => Effect.sync(() => last.set(key, message.revision))
                  )
                }
                return Effect.tap(
                  Effect.flatMap(whole(`${group} ${(calls += 1)}`, handle, options), (once) => once(message)),
                  () => Effect.sync(() => last.set(key, message.revision))
                )
              })
          )) as Inbox
      })
    },
    also: ["Inbox 3"]
  },
  {
    law: "Inbox 2",
    breaks: "a message whose handler was killed is taken for handled",
    by: () => remembers(shared(), (exit) => Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)),
    also: ["Inbox 5"]
  },
  {
    law: "Inbox 3",
    breaks: "it remembers as long as its process lives",
    by: () => remembers(() => new Map(), Exit.isSuccess),
    also: ["Inbox 4", "Inbox 5"]
  },
  {
    law: "Inbox 4",
    breaks: "of long names only the beginning counts",
    by: inboxes(
      (whole) =>
        ((group, handle, options) =>
          Effect.map(
            whole(group, handle, options),
            () => (message: Message) =>
              Effect.flatMap(
                whole(group, () => handle(message), options),
                (once) =>
                  once({
                    ...message,
                    stream: message.stream.slice(0, 200) as Message["stream"],
                    key: message.key.slice(0, 200)
                  })
              )
          )) as Inbox
    )
  },
  { law: "Inbox 5", breaks: "who comes at the same time is not seen", by: () => remembers(shared(), Exit.isSuccess) },
  {
    law: "Inbox 6",
    breaks: "a message that failed is taken for handled",
    by: () => {
      const failed = new Set<string>()
      return inboxes(
        (whole) =>
          ((group, handle, options) =>
            Effect.map(
              whole(group, handle, options),
              (once) => (message: Message) =>
                failed.has(message.id)
                  ? Effect.void
                  : Effect.tapError(once(message), () => Effect.sync(() => failed.add(message.id)))
            )) as Inbox
      )
    }
  },
  {
    law: "Inbox 7",
    breaks: "it promises what no transaction holds",
    by: inboxes((whole) => ((group, handle) => whole(group, handle, { writes: "rows" })) as Inbox)
  }
]
