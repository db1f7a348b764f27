// Appends while servers are still storing them: what the server refuses meanwhile is not the last word.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as EventFilter from "evolvent/EventFilter"
import * as EventId from "evolvent/EventId"
import * as StreamName from "evolvent/StreamName"
import * as jetstreams from "../src/internal/jetstream.ts"
import { ApiError, RequestFailed } from "../src/NatsError.ts"
import { serve } from "./support/served.ts"
import { layoutOf, open, type Breaking } from "./support/storing.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

const answer = (subject: string, number: number, problem: string) =>
  new ApiError({ subject, code: number === 10158 ? 409 : 400, number, problem })

/** The message is stored, and the answers to it and to its copy are those of a server that has yet to say so. */
const underWay = (second: number, problem: string, isSeen: () => boolean): Breaking => {
  let times = 0
  return (jetstream) => ({
    ...jetstream,
    // As long as the servers are at it, nobody sees the message.
    last: (stream, subject) => (isSeen() ? jetstream.last(stream, subject) : Effect.undefined),
    next: (stream, subject, sequence) => (isSeen() ? jetstream.next(stream, subject, sequence) : Effect.undefined),
    publish: (subject, body, headers, expectedLast) =>
      Effect.suspend(() => {
        if (!subject.includes(".events.")) return jetstream.publish(subject, body, headers, expectedLast)
        times += 1
        if (times === 1) {
          const lost = new RequestFailed({ subject, why: "TimedOut", problem: "the test lost the answer" })
          return Effect.flatMap(jetstream.publish(subject, body, headers, expectedLast), () => Effect.fail(lost))
        }
        if (isSeen() && times > 2) return jetstream.publish(subject, body, headers, expectedLast)
        return Effect.fail(answer(subject, second, problem))
      })
  })
}

describe("an append that the servers are still storing", () => {
  it.live("is asked for again where its id is known to be under way", () =>
    Effect.gen(function* () {
      const stream = StreamName.make("Account", "under-way")
      const breaking = underWay(10158, "duplicate message id is in process", () => true)
      const store = yield* open(server.url, layoutOf("underWay"), breaking)
      const result = yield* store.append(stream, [{ type: "Opened", data: {} }], { expected: "noStream" })
      assert.strictEqual(result.revision, 0)
      assert.lengthOf(yield* Stream.runCollect(store.read(EventFilter.stream(stream))), 1)
    })
  )

  for (const ids of ["made by the store", "given"] as const) {
    it.live(`is no conflict where it is itself what another copy of it runs into, with ids ${ids}`, () =>
      Effect.gen(function* () {
        const stream = StreamName.make("Account", `itself ${ids}`)
        let looks = 0
        // A leader refuses by what it has proposed, and sees it later.
        const breaking = underWay(10071, "wrong last sequence: 1", () => (looks += 1) > 4)
        const store = yield* open(server.url, layoutOf("itself"), breaking)
        const id = ids === "given" ? { id: EventId.derive("test", ids, 0) } : {}
        const result = yield* store.append(stream, [{ ...id, type: "Opened", data: {} }], { expected: "noStream" })
        assert.strictEqual(result.revision, 0)
        assert.lengthOf(yield* Stream.runCollect(store.read(EventFilter.stream(stream))), 1)
      })
    )
  }

  it.live("is asked for again where an older server calls it a duplicate of a message that has no number yet", () =>
    Effect.gen(function* () {
      const stream = StreamName.make("Account", "without-number")
      let times = 0
      const breaking: Breaking = ({ client }) =>
        jetstreams.make({
          ...client,
          request: (subject, body, options) => {
            const asked = client.request(subject, body, options)
            if (!subject.includes(".events.Account.")) return asked
            times += 1
            const lost = new RequestFailed({ subject, why: "TimedOut", problem: "the test lost the answer" })
            if (times === 1) return Effect.andThen(asked, Effect.fail(lost))
            const text = () => `{"stream":"numberless_events","seq":0,"duplicate": true}`
            const { isEmpty, reply } = { isEmpty: false, reply: undefined }
            const nothing = {
              subject,
              reply,
              isEmpty,
              size: 0,
              text,
              header: () => undefined,
              status: 0,
              description: ""
            }
            return times === 2 ? Effect.succeed(nothing) : asked
          }
        })
      const store = yield* open(server.url, layoutOf("numberless"), breaking)
      const result = yield* store.append(stream, [{ type: "Opened", data: {} }], { expected: "noStream" })
      assert.strictEqual(result.revision, 0)
      assert.lengthOf(yield* Stream.runCollect(store.read(EventFilter.stream(stream))), 1)
    })
  )

  it.live("is no conflict where a batch is itself what another copy of it runs into", () =>
    Effect.gen(function* () {
      let looks = 0
      let isLost = false
      const isSeen = () => !isLost || (looks += 1) > 6
      const breaking: Breaking = (jetstream) => ({
        ...jetstream,
        last: (stream, subject) => (isSeen() ? jetstream.last(stream, subject) : Effect.undefined),
        next: (stream, subject, sequence) => (isSeen() ? jetstream.next(stream, subject, sequence) : Effect.undefined),
        client: {
          ...jetstream.client,
          request: (subject, body, options) => {
            const asked = jetstream.client.request(subject, body, options)
            if (isLost || options?.headers?.some(([name]) => name === "Nats-Batch-Commit") !== true) return asked
            isLost = true
            const lost = new RequestFailed({ subject, why: "TimedOut", problem: "the test lost the answer" })
            return Effect.andThen(asked, Effect.fail(lost))
          }
        }
      })
      const store = yield* open(server.url, layoutOf("batch"), breaking)
      if (!store.capabilities.appendAll) return
      const streams = ["one", "other"].map((id) => StreamName.make("Account", id))
      const appends = streams.map((stream) => ({
        stream,
        events: [{ type: "Opened", data: {} }],
        expected: "noStream" as const
      }))
      const results = yield* store.appendAll(appends)
      assert.deepStrictEqual(
        results.map(({ revision }) => Number(revision)),
        [0, 0]
      )
      assert.isTrue(isLost)
      for (const stream of streams) {
        assert.lengthOf(yield* Stream.runCollect(store.read(EventFilter.stream(stream))), 1)
      }
    })
  )
})
