// requests: who waits for which answer, over one subscription for all; it makes nothing for a request that goes well but an entry.
import * as Effect from "effect/Effect"
import type { Incoming } from "../NatsClient.ts"
import { RequestFailed } from "../NatsError.ts"

interface Waiting {
  readonly subject: string
  readonly until: number
  readonly resume: (result: Effect.Effect<Incoming, RequestFailed>) => void
}

// How exactly requests are timed out; that so many of them pass in a second costs one timer.
const tick = 50

/** The requests of a connection; `inbox` is what the subjects of all answers begin with. */
export const make = (inbox: string) => {
  const waiting = new Map<string, Waiting>()
  let count = 0
  let timer: ReturnType<typeof setInterval> | undefined

  const fail = (key: string, { resume, subject }: Waiting, why: RequestFailed["why"], problem: string): void => {
    waiting.delete(key)
    resume(Effect.fail(new RequestFailed({ subject, why, problem })))
  }

  const failWhere = (isMeant: (one: Waiting) => boolean, why: RequestFailed["why"], problem: string): void => {
    for (const [key, one] of waiting) if (isMeant(one)) fail(key, one, why, problem)
  }

  const sweep = (): void => {
    const now = performance.now()
    failWhere(({ until }) => until <= now, "TimedOut", "no answer in time")
    if (waiting.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  return {
    /** All subjects of answers. */
    subject: `${inbox}.*`,
    take: (message: Incoming): void => {
      const key = message.subject.slice(inbox.length + 1)
      const one = waiting.get(key)
      if (one === undefined) return
      // An answer of the server itself is empty and says why nobody else answers.
      if (message.isEmpty && message.status === 503) return fail(key, one, "NoResponders", "nobody answers there now")
      waiting.delete(key)
      one.resume(Effect.succeed(message))
    },
    /** Sends a request by `send`, which is given the subject for its answer and throws where it cannot be sent. */
    ask: (
      subject: string,
      timeout: number,
      send: (reply: string) => void,
      failureOf: (thrown: unknown) => RequestFailed
    ): Effect.Effect<Incoming, RequestFailed> =>
      Effect.callback((resume) => {
        count += 1
        const key = count.toString(36)
        try {
          send(`${inbox}.${key}`)
        } catch (thrown) {
          return resume(Effect.fail(failureOf(thrown)))
        }
        waiting.set(key, { subject, until: performance.now() + timeout, resume })
        timer ??= setInterval(sweep, tick)
        return Effect.sync(() => waiting.delete(key))
      }),
    /** The user may not send to a subject. */
    refuse: (subject: string, problem: string): void => failWhere((one) => one.subject === subject, "Refused", problem),
    /** What was on its way when a connection broke may have arrived or not. */
    lose: (problem: string): void => failWhere(() => true, "TimedOut", problem),
    close: (): void => {
      failWhere(() => true, "Closed", "the connection is closed")
      clearInterval(timer)
      timer = undefined
    }
  }
}
