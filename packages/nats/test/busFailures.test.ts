// The bus on JetStream when requests and answers are lost and the server dies: nothing is lost, and keys keep their order.
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Message } from "evolvent/Bus"
import * as EventFilter from "evolvent/EventFilter"
import { expect, it } from "vitest"
import type { JetStream } from "../src/internal/jetstream.ts"
import { ApiError, RequestFailed } from "../src/NatsError.ts"
import { join, layoutOf, message, numberOf, until } from "./support/busing.ts"
import type { Joined } from "./support/busing.ts"
import { serve } from "./support/served.ts"

const server = await serve({ version: process.env["NATS_VERSION"] })

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>): Promise<A> => Effect.runPromise(Effect.scoped(effect))

/** All messages that are stored, in their order. */
const stored = ({ store }: Joined) =>
  Effect.map(Stream.runCollect(store.read(EventFilter.category("$bus"))), (events) =>
    events.map(({ data }) => data as unknown as Message)
  )

/** Messages of some keys in turn, each key's numbered from 0. */
const messages = (count: number, keys: number) =>
  Array.from({ length: count }, (_, i) => message(`key ${i % keys}`, Math.floor(i / keys)))

/** The numbers of each key, in their order. */
const byKey = (all: ReadonlyArray<Message>) => {
  const found = new Map<string, Array<number>>()
  for (const one of all) found.set(one.key, [...(found.get(one.key) ?? []), numberOf(one)])
  return found
}

/** A repeatable series of numbers from 0 to 1. */
const dice = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

/** Loses requests and answers, and is slow; writes down how many requests of a key and of all are under way at a time. */
const unsteady = (roll: () => number) => {
  const underWay = new Map<string, number>()
  const seen = { ofOneKey: 0, ofAll: 0, lost: 0 }
  const change = (key: string, by: number) => {
    underWay.set(key, (underWay.get(key) ?? 0) + by)
    seen.ofOneKey = Math.max(seen.ofOneKey, underWay.get(key) ?? 0)
    seen.ofAll = Math.max(
      seen.ofAll,
      [...underWay.values()].reduce((sum, n) => sum + n, 0)
    )
  }
  const breaking = (jetstream: JetStream): JetStream => ({
    ...jetstream,
    publish: (subject, body, headers, expectedLast) =>
      Effect.suspend(() => {
        const key = headers.find(([name]) => name === "Ev-Key")?.[1] ?? ""
        change(key, 1)
        const failed = (why: RequestFailed["why"]) => new RequestFailed({ subject, why, problem: "lost by this test" })
        const busy = new ApiError({ subject, code: 503, number: 10008, problem: "no leader, says this test" })
        const fate = roll()
        seen.lost += fate < 0.3 ? 1 : 0
        const send = jetstream.publish(subject, body, headers, expectedLast)
        const ended =
          fate < 0.1
            ? Effect.fail(failed("NoResponders"))
            : fate < 0.15
              ? Effect.fail(busy)
              : fate < 0.3
                ? Effect.andThen(send, Effect.fail(failed("TimedOut")))
                : send
        return Effect.andThen(Effect.sleep(5 * roll()), ended).pipe(Effect.ensuring(Effect.sync(() => change(key, -1))))
      })
  })
  return { breaking, seen }
}

it(
  "keys keep their order and nothing is stored twice, whatever requests and answers are lost",
  () =>
    run(
      Effect.gen(function* () {
        const { breaking, seen } = unsteady(dice(7))
        const joined = yield* join(server.url, layoutOf("unsteady"), { breaking })
        const all = messages(400, 80)
        for (let from = 0; from < all.length; from += 200) yield* joined.bus.publish(all.slice(from, from + 200))
        const found = yield* stored(joined)
        expect(found.length).toBe(all.length)
        expect(byKey(found)).toEqual(new Map([...byKey(found)].map(([key]) => [key, byKey(all).get(key)])))
        expect(seen.lost).toBeGreaterThan(80)
        expect(seen.ofOneKey).toBe(1)
        expect(seen.ofAll).toBeGreaterThan(3)
      })
    ),
  60_000
)

it("behind a message that cannot be sent, none of its key is; a publish again brings what is missing, in order", () =>
  run(
    Effect.gen(function* () {
      let isRefused = true
      const breaking = (jetstream: JetStream): JetStream => ({
        ...jetstream,
        publish: (subject, body, headers, expectedLast) =>
          Effect.suspend(() =>
            isRefused && String(body) === '{"n":3}'
              ? Effect.fail(new RequestFailed({ subject, why: "Refused", problem: "not now" }))
              : jetstream.publish(subject, body, headers, expectedLast)
          )
      })
      const joined = yield* join(server.url, layoutOf("refused"), { breaking })
      const all = messages(8, 1)
      expect((yield* Effect.flip(joined.bus.publish(all))).operation).toBe("Bus.publish")
      expect((yield* stored(joined)).map(numberOf)).toEqual([0, 1, 2])
      isRefused = false
      yield* joined.bus.publish(all)
      expect((yield* stored(joined)).map(numberOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    })
  ))

it("a publish that was interrupted in its midst can be made again, any number of times", () =>
  run(
    Effect.gen(function* () {
      const joined = yield* join(server.url, layoutOf("interrupted"), { breaking: unsteady(dice(11)).breaking })
      const all = messages(200, 20)
      for (let i = 0; i < 15; i++) {
        const publishing = yield* Effect.forkScoped(joined.bus.publish(all))
        yield* Effect.sleep(4 * i)
        yield* Fiber.interrupt(publishing)
      }
      yield* joined.bus.publish(all)
      const found = yield* stored(joined)
      expect(found.length).toBe(all.length)
      for (const numbers of byKey(found).values()) expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    })
  ))

it(
  "the server is killed and started again while some publish and others handle: all of it arrives, in order per key",
  () =>
    run(
      Effect.gen(function* () {
        const layout = layoutOf("killed")
        const options = { requestTimeout: 500 }
        const publisher = yield* join(server.url, layout, options)
        const got: Array<ReadonlyArray<Message>> = []
        for (let i = 0; i < 2; i++) {
          const { bus } = yield* join(server.url, layout, options)
          const mine: Array<Message> = []
          got.push(mine)
          yield* Effect.forkScoped(
            bus.subscribe("group", { topics: [{ category: "Order" }] }, (one) =>
              Effect.andThen(
                Effect.sync(() => mine.push(one)),
                Effect.yieldNow
              )
            )
          )
        }
        const all = messages(3000, 30)
        const publish = (from: number) =>
          Effect.retry(publisher.bus.publish(all.slice(from, from + 60)), {
            while: (error) => error.isRetryable,
            schedule: Schedule.spaced("100 millis")
          })
        const publishing = yield* Effect.forkScoped(
          Effect.gen(function* () {
            for (let from = 0; from < all.length; from += 60) {
              yield* publish(from)
              yield* Effect.sleep("40 millis")
            }
          })
        )
        for (let i = 0; i < 3; i++) {
          yield* Effect.sleep("700 millis")
          yield* server.kill
          yield* Effect.sleep("200 millis")
          yield* server.start
        }
        yield* Fiber.join(publishing)
        const ids = () => new Set(got.flat().map(({ id }) => id)).size
        yield* until(
          "all of them are handled",
          Effect.sync(() => ids() === all.length),
          60
        )
        const log = yield* stored(publisher)
        expect(new Set(log.map(({ id }) => id)).size).toBe(all.length)
        // What a member handles again it handles from where the group stood: the first time of each is in order.
        const seen = new Set<string>()
        const firsts = log.filter(({ id }) => !seen.has(id) && seen.add(id))
        for (const [key, numbers] of byKey(firsts))
          expect([key, numbers]).toEqual([key, numbers.toSorted((a, b) => a - b)])
        for (const mine of got) {
          const known = new Set<string>()
          const fresh = mine.filter(({ id }) => !known.has(id) && known.add(id))
          for (const [key, numbers] of byKey(fresh)) {
            expect([key, numbers]).toEqual([key, numbers.toSorted((a, b) => a - b)])
          }
        }
        expect(yield* publisher.bus.parked("group")).toEqual([])
      })
    ),
  120_000
)
