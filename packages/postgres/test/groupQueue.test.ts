// The queue of group commit by itself, over functions that answer as a test wants: bounds, order, closing, defects.
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { SqlError } from "effect/sql/SqlError"
import type { EncodedAppend } from "evolvent/EventStore"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import { expect, vi } from "vitest"
import type { Answer, QuickAnswer } from "../src/internal/appendStatements.ts"
import { append, id, lost, queue, refusal, refused, stored, test } from "./support/groupQueue.ts"

test(
  "counts who waits for another attempt towards the bound, and takes appends again afterwards",
  Effect.gen(function* () {
    let isDown = true
    const one = () => Effect.suspend(() => (isDown ? Effect.fail(lost) : Effect.succeed(stored)))
    const { run } = yield* queue({ one, group: () => Effect.fail(lost) }, { capacity: 5 })
    const callers = yield* Effect.forEach([1, 2, 3, 4, 5], (i) =>
      Effect.forkScoped(Effect.andThen(run(append(`${i}`)), Effect.sleep(1)), { startImmediately: true })
    )
    yield* Effect.sleep(20)
    expect(yield* refusal(run(append("6")))).toMatch(/^5 appends are waiting already/)
    yield* Fiber.interruptAll(callers)
    isDown = false
    expect(yield* run(append("7"))).toEqual(stored)
  })
)

test(
  "forgets at once who was interrupted, also while nothing goes through",
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const one = () => Effect.as(Deferred.await(gate), stored)
    const group = (appends: ReadonlyArray<EncodedAppend>) =>
      Effect.as(
        Deferred.await(gate),
        appends.map((): Answer => stored)
      )
    const { run } = yield* queue({ one, group }, { capacity: 20 })
    for (let i = 0; i < 100; i++) {
      const caller = yield* Effect.forkScoped(run(append(`${i}`)), { startImmediately: true })
      yield* Effect.sleep(1)
      yield* Fiber.interrupt(caller)
    }
    const last = yield* Effect.forkScoped(run(append("last")), { startImmediately: true })
    yield* Deferred.succeed(gate, undefined)
    expect(yield* Fiber.join(last)).toEqual(stored)
  })
)

test(
  "tells everyone when it closes: who waits, who is in a group, who waits alone, who is looked up, who tries again",
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    const late = (answer: Answer) => Effect.uninterruptible(Effect.as(Deferred.await(gate), answer))
    const answers: Record<string, Effect.Effect<Answer, SqlError>> = {
      busy: late({ _tag: "Busy" }),
      look: late({ _tag: "LookCloser" }),
      lost: Effect.uninterruptible(Effect.andThen(Deferred.await(gate), Effect.fail(lost))),
      never: Effect.never
    }
    const event = (one: EncodedAppend) => answers[id(one)] ?? Effect.never
    const { close, run } = yield* queue(
      { event, look: () => Effect.never, one: () => Effect.never },
      { lanes: Object.keys(answers).length, members: 1, crowd: 0 }
    )
    const callers = yield* Effect.forEach([...Object.keys(answers), "waits"], (name) =>
      Effect.forkScoped(refusal(run(append(name, "noStream"))), { startImmediately: true })
    )
    yield* Effect.sleep(20)
    const closing = yield* Effect.forkScoped(close, { startImmediately: true })
    yield* Effect.sleep(20)
    yield* Deferred.succeed(gate, undefined)
    const words = yield* Effect.forEach(callers, Fiber.join)
    yield* Fiber.join(closing)
    expect(words).toEqual(words.map(() => expect.stringContaining("the event store was closed")))
    expect(yield* refusal(run(append("after")))).toContain("the event store is closed")
  })
)

test(
  "keeps going after a function threw, and gives the defect to the one who caused it",
  Effect.gen(function* () {
    const throws = (appends: ReadonlyArray<EncodedAppend>) => {
      if (appends.some((one) => id(one) === "bad")) throw new Error("cannot encode")
    }
    const { run } = yield* queue({
      event: (one) => (throws([one]), Effect.succeed(stored)),
      one: (one) => (throws([one]), Effect.succeed(stored)),
      group: (appends) => (throws(appends), Effect.succeed(appends.map(() => stored)))
    })
    for (let round = 0; round < 3; round++) {
      const names = round === 0 ? ["bad"] : ["a", "bad", "b"]
      const exits = yield* Effect.all(
        names.map((name) => Effect.exit(run(append(name)))),
        { concurrency: "unbounded" }
      )
      expect(exits.map((exit) => (Exit.isSuccess(exit) ? "stored" : String(exit.cause)))).toEqual(
        names.map((name) => (name === "bad" ? expect.stringContaining("cannot encode") : "stored"))
      )
    }
  })
)

test(
  "tries the members of a group that failed one by one, in the order in which they came",
  Effect.gen(function* () {
    const order: Array<string> = []
    const { run } = yield* queue({
      group: () => Effect.fail(refused),
      one: (one) =>
        Effect.sync(
          () => (order.push(id(one)), id(one) === "c" ? { _tag: "Conflict", index: 0, actual: undefined } : stored)
        )
    })
    const outcomes = yield* Effect.all(
      ["a", "b", "c", "d"].map((name) => run(append(name))),
      { concurrency: "unbounded" }
    )
    expect([order, outcomes.map(({ _tag }) => _tag)]).toEqual([
      ["a", "b", "c", "d"],
      ["Appended", "Appended", "Conflict", "Appended"]
    ])
  })
)

test(
  "gives up after a while when the server stays away, and says so",
  Effect.gen(function* () {
    let attempts = 0
    const one = () => Effect.suspend(() => (attempts++, Effect.andThen(Effect.sleep(30), Effect.fail(lost))))
    const { run } = yield* queue({ one }, { attempts: 3 })
    expect([yield* refusal(run(append("a"))), attempts]).toEqual(["gone", 4])
  })
)

test(
  "sends one event at a known revision the shortest way, several at once, and everything else the longer way",
  Effect.gen(function* () {
    const ways: Array<string> = []
    const fresh = queue({
      event: ({ stream }) => Effect.sync(() => (ways.push(`event ${StreamName.id(stream)}`), stored)),
      events: (appends) => Effect.sync(() => (ways.push(`events ${appends.map(id)}`), appends.map(() => stored))),
      one: ({ stream }) => Effect.sync(() => (ways.push(`one ${StreamName.id(stream)}`), stored)),
      group: (appends) => Effect.sync(() => (ways.push(`group ${appends.map(id)}`), appends.map(() => stored)))
    })
    const two = { ...append("e", "noStream"), events: [...append("e").events, ...append("e").events] }
    const at = Revision.make(0)
    const groups: ReadonlyArray<ReadonlyArray<EncodedAppend>> = [
      [append("a", "noStream")],
      [append("b", at), append("c", "noStream")],
      [append("d", "any")],
      [append("d", "streamExists")],
      [two],
      [append("f", at), two],
      [append("g", at), append("h", "any")]
    ]
    for (const group of groups) {
      const { run } = yield* fresh
      yield* Effect.all(group.map(run), { concurrency: "unbounded" })
    }
    // Two to one stream are never both at a known revision: the second is not yet where it is expected.
    const { run } = yield* fresh
    yield* Effect.all([run(append("i", at)), run(append("i", Revision.make(1)))], { concurrency: "unbounded" })
    expect(ways).toEqual(["event a", "events b,c", "one d", "one d", "one e", "group e,f", "group g,h", "group i,i"])
  })
)

test(
  "waits for the end of the turn, unless the last one came alone: then the first goes at once, and the others together",
  Effect.gen(function* () {
    const ways: Array<string> = []
    const slowly = <A>(way: string, answer: A) =>
      Effect.andThen(
        Effect.sync(() => void ways.push(way)),
        Effect.as(Effect.sleep(5), answer)
      )
    const { run } = yield* queue({
      event: (one) => slowly(id(one), stored),
      events: (appends) =>
        slowly(
          String(appends.map(id)),
          appends.map(() => stored)
        )
    })
    const together = (...names: ReadonlyArray<string>) =>
      Effect.all([...names.map((name) => run(append(name, "noStream"))), Effect.sync(() => void ways.push("turn"))], {
        concurrency: "unbounded"
      })
    yield* together("a", "b")
    yield* together("c")
    yield* together("d", "e", "f")
    yield* together("g", "h")
    expect(ways).toEqual(["turn", "a,b", "turn", "c", "d", "turn", "e,f", "turn", "g,h"])
  })
)

test(
  "goes the longer way where the shortest is unsure, once and for good",
  Effect.gen(function* () {
    const ways: Array<string> = []
    const unsure: QuickAnswer = { _tag: "Unsure" }
    const conflict: Answer = { _tag: "Conflict", index: 0, actual: undefined }
    let others: ReadonlyArray<Answer> = [{ _tag: "Busy" }, { _tag: "LookCloser" }, conflict]
    const fresh = queue({
      event: () => Effect.sync(() => (ways.push("event"), unsure)),
      events: (appends) => Effect.sync(() => (ways.push("events"), appends.map((_, i) => (i === 1 ? stored : unsure)))),
      one: (_, wait) =>
        Effect.sync(() => {
          ways.push(wait ? "one, waits" : "one")
          const [next = conflict, ...rest] = others
          others = rest
          return next
        }),
      group: (appends) => Effect.sync(() => (ways.push("group"), appends.map(() => conflict))),
      look: () => Effect.sync(() => (ways.push("look"), Result.succeed([undefined])))
    })
    const alone = yield* fresh
    expect(yield* alone.run(append("a", "noStream"))).toEqual(conflict)
    // Held, so it waits; then its id is known, but no longer when it is looked for.
    expect(ways).toEqual(["event", "one", "one, waits", "look", "one"])
    ways.length = 0
    const { run } = yield* fresh
    const three = yield* Effect.all(
      ["a", "b", "c"].map((name) => run(append(name, "noStream"))),
      { concurrency: "unbounded" }
    )
    // Those of one group that are unsure go together again.
    expect([three, ways]).toEqual([
      [conflict, stored, conflict],
      ["events", "group"]
    ])
  })
)

test(
  "goes on beside a group that takes long, also where nobody else comes, and not beside one that is short",
  Effect.gen(function* () {
    const gate = yield* Deferred.make<void>()
    let now = 0
    let most = 0
    const { run } = yield* queue({
      one: (one) =>
        Effect.gen(function* () {
          most = Math.max(most, ++now)
          yield* id(one) === "long" ? Deferred.await(gate) : Effect.yieldNow
          now -= 1
          return stored
        })
    })
    yield* Effect.all([run(append("a")), Effect.andThen(Effect.yieldNow, run(append("b")))], {
      concurrency: "unbounded"
    })
    expect(most).toBe(1)
    const long = yield* Effect.forkScoped(run(append("long")), { startImmediately: true })
    yield* Effect.yieldNow
    expect(yield* Effect.timeout(run(append("behind")), "5 seconds")).toEqual(stored)
    expect(most).toBe(2)
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(long)
  })
)

test(
  "asks for no time that has passed already, however long the machine stood still between two looks",
  Effect.gen(function* () {
    const first = yield* Deferred.make<void>()
    const event = (one: EncodedAppend) =>
      id(one) === "first" ? Effect.as(Deferred.await(first), stored) : Effect.succeed(stored)
    const { run } = yield* queue({ event })
    const timers = vi.spyOn(globalThis, "setTimeout")
    const began = performance.now()
    let looks = 0
    // It stands, and makes a leap between the first look and the second.
    let leap = 0
    const clock = vi.spyOn(performance, "now").mockImplementation(() => began + (looks++ > 0 ? leap : 0))
    yield* Effect.addFinalizer(() => Effect.sync(() => [timers, clock].forEach((spy) => spy.mockRestore())))
    const before = yield* Effect.forkScoped(run(append("first", "noStream")), { startImmediately: true })
    yield* Effect.promise(() => Promise.resolve())
    looks = 0
    leap = 100
    const behind = yield* Effect.forkScoped(run(append("second", "noStream")), { startImmediately: true })
    expect(yield* Fiber.join(behind)).toEqual(stored)
    yield* Deferred.succeed(first, undefined)
    yield* Fiber.join(before)
    const delays = timers.mock.calls.map(([, delay]) => delay ?? 0)
    expect(delays.length).toBeGreaterThan(0)
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0)
  })
)
