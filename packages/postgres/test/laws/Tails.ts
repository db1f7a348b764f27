// Laws of following and of leases that only show where there are several processes, or where a server is lost.
import type { Law } from "@evolvent/testing/conformance"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import * as EventFilter from "evolvent/EventFilter"
import * as StreamName from "evolvent/StreamName"
import { calls, stand } from "./Bench.ts"
import type { Bench } from "./Bench.ts"
import { follow, from } from "./Following.ts"
import { broken, equal, eventually, law } from "./Law.ts"

const deaf = law(
  "Tail 1 what comes without a notification is found all the same",
  Effect.gen(function* () {
    const here = yield* stand()
    const quick = yield* here.session
    const followers = yield* follow(here)
    for (let i = 1; i <= 3; i++) {
      yield* quick.run(calls(here.schema).event("A-1"))
      yield* followers.passed(i)
      // The subscribers are at rest when the next one comes.
      yield* Effect.sleep("30 millis")
    }
    yield* followers.sawAll
  })
)

const notified = law(
  "Tail 2 an append notifies the other processes",
  Effect.gen(function* () {
    const here = yield* stand()
    const heard = yield* here.sql.listen(`evolvent_${here.schema}`)
    for (let i = 0; i < 3; i++) {
      yield* here.store.append(StreamName.make("A", "1"), [{ type: "T", data: {} }])
      yield* eventually(
        "appended, and listened",
        "a notification comes",
        Queue.poll(heard),
        ({ _tag }) => _tag === "Some"
      )
    }
  })
)

const lost = law(
  "Tail 3 once a look has failed nobody goes by what was known before",
  Effect.gen(function* () {
    const here = yield* stand({ pollInterval: "1 hour" })
    const { schema, store } = here
    const quick = yield* here.session
    const followers = yield* follow(here)
    for (let i = 0; i < 20; i++) yield* quick.run(calls(schema).event("A-1"))
    yield* followers.settled
    yield* quick.run(`ALTER FUNCTION ${schema}.safe_position() RENAME TO lost_position`)
    const head = yield* Effect.result(store.head)
    if (head._tag === "Success") return yield* broken("took the look away", "it fails", head)
    // As if the connection led to a server that was restored from an older copy.
    const read = Stream.runCollect(store.read(EventFilter.all(), { from: from(10), limit: 5 }))
    const result = yield* Effect.result(read)
    yield* equal("read after a look had failed, while no other goes through", result._tag, "Failure")
    yield* quick.run(`ALTER FUNCTION ${schema}.lost_position() RENAME TO safe_position`)
    yield* equal("read when looks went through again: how many events", (yield* read).length, 5)
  })
)

const lease = law(
  "Lease 1 a lease runs by the server's clock, whatever time its bidders believe in",
  Effect.gen(function* () {
    const here = yield* stand()
    const checkpoints = Context.get(here.context, CheckpointStore)
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe() + 86_400_000
    const tomorrow: Clock.Clock = {
      ...clock,
      currentTimeMillisUnsafe: now,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
      sleep: (duration) => clock.sleep(duration)
    }
    yield* checkpoints.acquire("law", "one", Duration.minutes(5))
    const second = yield* Effect.result(
      Effect.provideService(checkpoints.acquire("law", "two", Duration.minutes(5)), Clock.Clock, tomorrow)
    )
    const found = second._tag === "Failure" ? second.failure._tag : "taken over"
    yield* equal("bid for a lease of five minutes with a clock that is a day ahead", found, "LeaseHeld")
  })
)

/** Laws of tails and leases. */
export const trailing: ReadonlyArray<Law<Bench>> = [deaf, notified, lost, lease]
