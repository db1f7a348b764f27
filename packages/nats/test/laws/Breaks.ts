// Breaks: connections that lose, hold back or forge what is sent over them, so that each schedule is the same every time.
import * as Effect from "effect/Effect"
import type { Incoming } from "../../src/NatsClient.ts"
import { RequestFailed } from "../../src/NatsError.ts"
import type { Breaking } from "./Bench.ts"

export const lost = (subject: string): RequestFailed =>
  new RequestFailed({ subject, why: "TimedOut", problem: "this law lost the answer" })

/** Runs an effect before each message of some subjects is published. */
export const before =
  (isMeant: (subject: string) => boolean, what: Effect.Effect<unknown, unknown>): Breaking =>
  (jetstream) => ({
    ...jetstream,
    publish: (subject, ...rest) =>
      Effect.andThen(isMeant(subject) ? Effect.orDie(what) : Effect.void, jetstream.publish(subject, ...rest))
  })

/** Loses the first request to some subject, before it arrives or after it was carried out; then something else happens. */
export const losingFirst = (
  isMeant: (subject: string) => boolean,
  what: "request" | "answer",
  meanwhile: Effect.Effect<unknown, unknown> = Effect.void
): Breaking => {
  let isOver = false
  return (jetstream) => ({
    ...jetstream,
    publish: (subject, ...rest) =>
      Effect.suspend(() => {
        if (isOver || !isMeant(subject)) return jetstream.publish(subject, ...rest)
        isOver = true
        const sent = what === "request" ? Effect.void : Effect.asVoid(jetstream.publish(subject, ...rest))
        return Effect.flatMap(Effect.andThen(sent, Effect.ignore(meanwhile)), () => Effect.fail(lost(subject)))
      })
  })
}

/** A server before 2.12: a message whose id it knows is a duplicate, whatever is expected of the message before it. */
export const older: Breaking = (jetstream) => {
  const known = new Map<string, number>()
  return {
    ...jetstream,
    publish: (subject, body, headers, expectedLast) =>
      Effect.suspend(() => {
        const id = headers.find(([name]) => name === "Nats-Msg-Id")?.[1]
        const sequence = id === undefined ? undefined : known.get(id)
        if (sequence !== undefined) return Effect.succeed({ sequence, duplicate: true })
        return Effect.tap(jetstream.publish(subject, body, headers, expectedLast), (stored) =>
          Effect.sync(() => id !== undefined && known.set(id, stored.sequence))
        )
      })
  }
}

/** Loses the answer to the first message that commits a batch, and does something then. */
export const losingBatch = (meanwhile: Effect.Effect<unknown, unknown> = Effect.void): Breaking => {
  let isOver = false
  return (jetstream) => ({
    ...jetstream,
    client: {
      ...jetstream.client,
      request: (subject, body, options) =>
        Effect.flatMap(jetstream.client.request(subject, body, options), (answer) => {
          if (isOver || !(options?.headers ?? []).some(([name]) => name === "Nats-Batch-Commit")) {
            return Effect.succeed(answer)
          }
          isOver = true
          return Effect.andThen(Effect.ignore(meanwhile), Effect.fail(lost(subject)))
        })
    }
  })
}

/** Has what feeds hear pass through a function; `feed` counts them. What it gives is heard, and nothing where it gives nothing. */
export const hearing = (change: (message: Incoming, feed: number) => Incoming | undefined): Breaking => {
  let feeds = 0
  return (jetstream) => ({
    ...jetstream,
    client: {
      ...jetstream.client,
      subscribe: (subject, take, refused) =>
        Effect.suspend(() => {
          feeds += 1
          const feed = feeds
          const hear = (message: Incoming): void => {
            const heard = change(message, feed)
            if (heard !== undefined) take(heard)
          }
          return jetstream.client.subscribe(subject, hear, refused)
        })
    }
  })
}

/** What the server says of a message of a feed: which one of its consumer it is, and how many it has yet to send. */
export const numbersOf = ({ reply }: Incoming): { readonly n: number; readonly pending: number } | undefined => {
  const tokens = reply?.startsWith("$JS.ACK.") === true ? reply.split(".") : []
  return tokens.length === 0 ? undefined : { n: Number(tokens.at(-3)), pending: Number(tokens.at(-1)) }
}

/** A message of which the server says that so many are waiting behind it. */
export const waiting = (message: Incoming, pending: number): Incoming => {
  const { description, header, isEmpty, reply = "", size, status, subject, text } = message
  return {
    description,
    header,
    isEmpty,
    size,
    status,
    subject,
    text,
    reply: `${reply.slice(0, reply.lastIndexOf("."))}.${pending}`
  }
}

/** A connection on which a feed hears nothing behind its first messages until these are released. */
export const holding = (first: number) => {
  const held: Array<() => void> = []
  let isHolding = true
  const breaking: Breaking = (jetstream) => ({
    ...jetstream,
    client: {
      ...jetstream.client,
      subscribe: (subject, take, refused) => {
        let heard = 0
        const hear = (message: Incoming): void => {
          if (numbersOf(message) !== undefined) heard += 1
          if (isHolding && heard > first) held.push(() => take(message))
          // Of what is held back the server says nothing.
          else take(isHolding && numbersOf(message) !== undefined && heard === first ? waiting(message, 0) : message)
        }
        return jetstream.client.subscribe(subject, hear, refused)
      }
    }
  })
  const release = Effect.sync(() => {
    isHolding = false
    for (const take of held) take()
  })
  return { breaking, release }
}
