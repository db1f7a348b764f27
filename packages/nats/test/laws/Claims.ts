// Laws of event ids that are given: each is stored once and known for ever, whoever brings it, and when.
import type { Law } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import { ended, found, name, numbered } from "./Appends.ts"
import type { Bench } from "./Bench.ts"
import { eventsOf, isEvent, layoutOf } from "./Bench.ts"
import { before } from "./Breaks.ts"
import { equal, law } from "./Law.ts"

const forEver = law(
  "Claim 1 an id is known long after the server has forgotten it, from every process and under every expectation",
  Effect.gen(function* () {
    const layout = yield* layoutOf({ duplicateWindow: 100 })
    const [one, other] = [(yield* eventsOf(layout)).store, (yield* eventsOf(layout)).store]
    const ids = [yield* EventId.generate, yield* EventId.generate]
    const events = ids.map((id, n) => numbered(n, id))
    yield* ended(one, "known", events)
    for (let n = 2; n < 20; n++) yield* ended(one, "known", [numbered(n)])
    yield* Effect.sleep(250)
    for (const expected of ["any", "streamExists", "noStream", Revision.make(3)] as const) {
      const did = `appended the same ids after all that, expecting ${expected}`
      yield* equal(did, yield* ended(other, "known", events, expected), "repeats 1")
    }
    const [first = "", second = ""] = ids
    for (const [i, id] of [first, second].entries()) {
      const changed = yield* ended(other, "known", [numbered(7, id as EventId.EventId)])
      yield* equal(`brought id ${i} of it with other content`, changed, "EventIdReused")
      const elsewhere = yield* ended(other, "else", [numbered(i, id as EventId.EventId)])
      yield* equal(`brought id ${i} of it to another stream`, elsewhere, "EventIdReused")
    }
    yield* equal("appended the same ids again and again", (yield* found(one, "known")).length, 20)
  })
)

const underWay = law(
  "Claim 2 an id whose append may still come through is nobody else's, and the same append is made once",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const other = (yield* eventsOf(layout)).store
    for (const who of ["another stream", "its own stream"]) {
      const [reached, gate] = [yield* Latch.make(), yield* Latch.make()]
      const { store } = yield* eventsOf(layout, before(isEvent, Effect.andThen(reached.open, gate.await)))
      const id = yield* EventId.generate
      const event = numbered(1, id)
      const slow = yield* Effect.forkScoped(ended(store, `slow for ${who}`, [event]))
      yield* reached.await
      const did = `brought an id to ${who} while its append was on its way`
      const outcome = yield* ended(other, who === "another stream" ? who : `slow for ${who}`, [event])
      yield* equal(did, outcome, who === "another stream" ? "EventIdReused" : "at 0")
      yield* gate.open
      yield* equal(did, yield* Fiber.join(slow), who === "another stream" ? "at 0" : "repeats 0")
      yield* equal(did, yield* found(other, `slow for ${who}`), ["0: 1"])
      yield* equal(did, yield* found(other, "another stream"), [])
    }
  })
)

const died = law(
  "Claim 3 an id that was claimed by who died before its append is free for the same append, wherever the stream has gone",
  Effect.gen(function* () {
    const layout = yield* layoutOf()
    const { driver, store: other } = yield* eventsOf(layout)
    const reached = yield* Latch.make()
    const { store } = yield* eventsOf(layout, before(isEvent, Effect.andThen(reached.open, Effect.never)))
    const id = yield* EventId.generate
    const dying = yield* Effect.forkScoped(ended(store, "died", [numbered(1, id)]))
    yield* reached.await
    yield* Fiber.interrupt(dying)
    yield* equal("looked for an id that was claimed and never stored", yield* driver.find(name("died"), id), undefined)
    yield* ended(other, "died", [numbered(0)])
    const did = "brought an id whose process died between its claim and its append"
    yield* equal(did, yield* ended(other, "died", [numbered(1, id)]), "at 1")
    yield* equal(`${did}, again`, yield* ended(other, "died", [numbered(1, id)]), "repeats 1")
    const event = yield* driver.find(name("died"), id)
    yield* equal("looked for it", event?.revision, Revision.make(1))
  })
)

const late = law(
  "Claim 4 whoever claimed an id and was too slow cannot store it a second time",
  Effect.gen(function* () {
    const layout = yield* layoutOf({ duplicateWindow: 100 })
    const other = (yield* eventsOf(layout)).store
    const [reached, gate] = [yield* Latch.make(), yield* Latch.make()]
    let isHeld = true
    const hold = Effect.suspend(() => {
      if (!isHeld) return Effect.void
      isHeld = false
      return Effect.andThen(reached.open, gate.await)
    })
    const { store } = yield* eventsOf(layout, before(isEvent, hold))
    const id = yield* EventId.generate
    const slow = yield* Effect.forkScoped(ended(store, "late", [numbered(1, id)]))
    yield* reached.await
    // The stream grows, so that the claim is free; then it is claimed anew, and stored.
    yield* ended(other, "late", [numbered(0)])
    yield* ended(other, "late", [numbered(1, id)])
    yield* Effect.sleep(250)
    yield* gate.open
    const did = "was slow with an id that somebody else has stored since"
    yield* equal(did, yield* Fiber.join(slow), "repeats 1")
    yield* equal(did, yield* found(other, "late"), ["0: 0", "1: 1"])
  })
)

/** Laws of ids that are given. */
export const claims: ReadonlyArray<Law<Bench>> = [forEver, underWay, died, late]
