// feed: the messages of a stream from a number on, pulled in pages by a consumer of its own; it fails rather than skip one.
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Incoming } from "../NatsClient.ts"
import { RequestFailed } from "../NatsError.ts"
import type { Failure, JetStream } from "./jetstream.ts"
import { patiently } from "./jetstream.ts"

/** A message as a feed gives it. */
export interface Message {
  readonly subject: string
  readonly sequence: number
  readonly header: (name: string) => string | undefined
  readonly text: () => string
  /** How many bytes its payload has. */
  readonly size: number
  /** When the server stored it, in epoch milliseconds. */
  readonly time: number
}

/**
 * Messages in their order, and the number through which there are no others of the feed; `atEnd` where none lay behind when
 * they were asked for, which is after `next` was run: what an earlier pull said is no answer to whoever reads on.
 */
export interface Page {
  readonly messages: ReadonlyArray<Message>
  readonly through: number
  readonly atEnd: boolean
}

export interface Feed {
  /**
   * The next page, of `max` messages at most: at once where there are some. At the end of the stream it waits for more where
   * it `waits`, and gives a page without messages each time the server says that the feed has come further.
   *
   * It fails with a retryable error where anything is not as it should be: the consumer is gone, a message is missing,
   * nothing is heard. Then a new feed goes on behind the last page.
   */
  readonly next: (max: number, waits: boolean) => Effect.Effect<Page, Failure>
}

/**
 * Where a feed begins: at a number, at what was stored at a time or later, or with the last message of each subject, after
 * which it goes on with whatever comes.
 */
export type Start = { readonly sequence: number } | { readonly time: number } | "lastOfEachSubject"

const policyOf = (start: Start): Readonly<Record<string, unknown>> => {
  if (start === "lastOfEachSubject") return { deliver_policy: "last_per_subject" }
  return "sequence" in start
    ? { deliver_policy: "by_start_sequence", opt_start_seq: Math.max(1, start.sequence) }
    : { deliver_policy: "by_start_time", opt_start_time: new Date(start.time).toISOString() }
}

const nanos = 1_000_000
// How soon a feed learns that it has come further although nothing was for it; and, twice missed, that it hears nothing.
const heartbeat = 500
const silence = 3 * heartbeat
// A pull lasts this long, if it is not filled before.
const patience = 20_000
// A consumer that nobody pulls from is forgotten by the server.
const forgotten = 60_000

const gone = (stream: string, problem: string): RequestFailed =>
  new RequestFailed({ subject: stream, why: "TimedOut", problem: `the feed of ${stream} broke off: ${problem}` })

/** What the server's reply subject says of a message: `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<n>.<time>.<pending>`. */
const placeOf = (reply: string): { sequence: number; n: number; time: number; pending: number } => {
  const tokens = reply.split(".")
  // With a domain and an account in front there are more.
  const at = tokens.length >= 11 ? 7 : 5
  return {
    sequence: Number(tokens[at]),
    n: Number(tokens[at + 1]),
    // It comes in nanoseconds, more of them than a number holds exactly.
    time: Number(tokens[at + 2]?.slice(0, -6)),
    pending: Number(tokens[at + 3])
  }
}

/** Opens a feed of the messages of a subject, or of all. */
export const open = (
  jetstream: JetStream,
  stream: string,
  subject: string | undefined,
  start: Start
): Effect.Effect<Feed, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const { client } = jetstream
    const inbox = client.newInbox()
    const consumer = `ev${crypto.randomUUID().replaceAll("-", "")}`

    let buffer: Array<Message> = []
    // The number through which all messages of the feed are in the buffer or were given, and whether more are there.
    let through = typeof start === "object" && "sequence" in start ? start.sequence - 1 : 0
    let given = through
    let isMore = true
    // Whatever it counts as pending, the server has nothing to send now: of rows that are overwritten 2.9 counts too many.
    let isIdle = false
    let received = 0
    // The running pulls, and how many messages each may still bring; the server fills them one after the other.
    let pulls: Array<{ readonly number: number; open: number }> = []
    let count = 0
    let size = 0
    let kind: boolean | undefined
    let problem: string | undefined
    let told = 0
    let wake: (() => void) | undefined

    /** Asks for as many messages as the page that is waited for may have. */
    const request = (): void => {
      count += 1
      pulls.push({ number: count, open: size })
      const body =
        kind === true
          ? `{"batch":${size},"expires":${patience * nanos},"idle_heartbeat":${heartbeat * nanos}}`
          : `{"batch":${size},"no_wait":true}`
      client.publishUnsafe(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, body, `${inbox}.${count}`)
    }

    const tell = (): void => {
      told += 1
      const waiting = wake
      wake = undefined
      waiting?.()
    }
    const fail = (what: string): void => {
      problem ??= what
      tell()
    }

    const status = ({ description, header, status: code, subject: to }: Incoming): void => {
      if (code === 100) {
        // Those before it have come: it has looked at all messages up to there.
        const last = Number(header("Nats-Last-Stream") ?? 0)
        const sent = Number(header("Nats-Last-Consumer") ?? received)
        if (sent !== received) return fail(`${sent - received} messages are missing`)
        if (last > through) {
          through = last
          isMore = false
        }
        isIdle = true
        return tell()
      }
      const number = Number(to.slice(inbox.length + 1))
      if (!pulls.some((one) => one.number === number)) return
      // 404 and 408 end a pull; whatever else, and the consumer may be gone.
      if (code !== 404 && code !== 408) return fail(`${code} ${description}`)
      pulls = pulls.filter((one) => one.number !== number)
      if (pulls.length === 0) isMore = false
      tell()
    }

    const take = (message: Incoming): void => {
      // What the server says itself has nothing to be acknowledged.
      if (message.reply?.startsWith("$JS.ACK.") !== true) return status(message)
      const place = placeOf(message.reply)
      if (place.n !== received + 1) return fail(`message ${received + 1} of its consumer is missing`)
      received = place.n
      through = place.sequence
      isMore = place.pending > 0
      isIdle = false
      const [pull] = pulls
      if (pull !== undefined) {
        pull.open -= 1
        if (pull.open === 0) pulls.shift()
        // The next one is on its way before this one is through, where that does not bring all there is: the server does not
        // wait for it.
        if (place.pending > pull.open && pulls.length === 1 && pull.open === size >> 1 && buffer.length < size)
          request()
      }
      const { header, size: bytes, subject: on, text } = message
      buffer.push({ subject: on, sequence: place.sequence, header, text, size: bytes, time: place.time })
      if (buffer.length >= size || pulls.length === 0 || !isMore) tell()
    }

    yield* client.subscribe(`${inbox}.*`, take, fail)
    const config = {
      name: consumer,
      ack_policy: "none",
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: forgotten * nanos,
      ...policyOf(start),
      ...(subject === undefined ? {} : { filter_subject: subject })
    }
    const address = `CONSUMER.CREATE.${stream}.${consumer}${subject === undefined ? "" : `.${subject}`}`
    const forget = Effect.ignore(client.publish(`$JS.API.CONSUMER.DELETE.${stream}.${consumer}`))
    yield* Effect.acquireRelease(
      patiently(jetstream.api<{ readonly num_pending?: number }>(address, { stream_name: stream, config })),
      () => forget
    )

    /** Waits until something comes in that was not `seen`; where nothing does, the feed is broken. */
    const wait = (seen: number): Effect.Effect<void> =>
      Effect.callback((resume) => {
        if (told !== seen) return resume(Effect.void)
        const timer = setTimeout(() => fail("nothing was heard of it"), silence)
        wake = () => {
          clearTimeout(timer)
          resume(Effect.void)
        }
        return Effect.sync(() => {
          clearTimeout(timer)
          wake = undefined
        })
      })

    /** What is there; whether that is all can be said only where it was asked for since somebody wanted to know. */
    const page = (max: number, isAsked: boolean): Page => {
      const messages = buffer.length <= max ? buffer : buffer.slice(0, max)
      buffer = buffer.length <= max ? [] : buffer.slice(max)
      const last = messages.at(-1)
      given = buffer.length === 0 ? through : (last?.sequence ?? given)
      return { messages, through: given, atEnd: isAsked && buffer.length === 0 && !isMore }
    }

    const next = (max: number, waits: boolean, isAsked = false): Effect.Effect<Page, Failure> =>
      Effect.suspend(() => {
        if (problem !== undefined) return Effect.fail(gone(stream, problem))
        const isOver = pulls.length === 0
        if (buffer.length >= max || (buffer.length > 0 && (isOver || !isMore || isIdle)))
          return Effect.succeed(page(max, isAsked))
        if (waits && buffer.length === 0 && through > given) return Effect.succeed(page(max, isAsked))
        if (isOver && isAsked && !waits) return Effect.succeed(page(max, isAsked))
        size = max
        kind = waits
        if (isOver) request()
        return Effect.andThen(wait(told), next(max, waits, isAsked || isOver))
      })

    return { next: (max, waits) => next(max, waits) }
  })
