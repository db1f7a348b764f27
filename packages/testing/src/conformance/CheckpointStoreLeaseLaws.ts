// The laws of a checkpoint store's leases: one holder at a time, and one that was lost commits nothing.
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { CheckpointStore, Stopped } from "evolvent/CheckpointStore"
import type { Lease } from "evolvent/CheckpointStore"
import * as Position from "evolvent/Position"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"

const at = Position.make
const short = Duration.millis(200)

/** Takes a lease over as soon as it can be had; says how many milliseconds after `since` that was. */
const takeOver = Effect.fnUntraced(function* (name: string, holder: string, since: number) {
  const store = yield* CheckpointStore
  const found = yield* Check.eventually(
    `waited for a lease of ${Duration.format(short)} to run out`,
    "another holder gets it",
    Effect.result(store.acquire(name, holder, short)),
    ({ _tag }) => _tag === "Success"
  )
  const lease = yield* Effect.fromResult(found)
  return { lease, after: performance.now() - since }
})

// A clock that counts whole milliseconds may be one off at both ends.
const notBefore = (did: string, after: number) =>
  Check.holds(
    did,
    `not before ${Duration.format(short)} were over`,
    after >= Duration.toMillis(short) - 2,
    `${after} ms`
  )

const exclusive = law(
  "CheckpointStore 11 a lease has one holder, and others learn who that is",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const [name, other] = [yield* Fresh.name("runner"), yield* Fresh.name("runner")]
    const lease = yield* store.acquire(name, "ada", "1 minute")
    const { holder, name: leased } = lease
    yield* Check.equal(
      "acquired a lease: name and holder",
      [leased, holder, Duration.toMillis(lease.duration)],
      [name, "ada", 60_000]
    )
    const error = yield* Check.refused("acquired a held lease", store.acquire(name, "bob", "1 minute"), "LeaseHeld")
    yield* Check.equal("acquired a held lease: what the error says", [error.name, error.holder], [name, "ada"])
    yield* store.acquire(other, "bob", "1 minute")
    yield* store.advance({ name, from: at(0), to: at(1), lease })
  })
)

const racers = law(
  "CheckpointStore 12 of racers for a lease exactly one gets it",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const racers = Fresh.range(20).map((i) => store.acquire(name, `racer ${i}`, "1 minute"))
    const { lost, won } = Check.sides(yield* Check.race(racers))
    yield* Check.equal("let 20 racers acquire a lease: how many got it", won.length, 1)
    const others = lost.filter((error) => error._tag !== "LeaseHeld" || error.holder !== won[0]?.holder)
    yield* Check.equal("let 20 racers acquire a lease: others that do not name the holder", others, [])
  })
)

const released = law(
  "CheckpointStore 13 a released lease can be taken at once, and its token grows",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    let token = -1
    for (const holder of ["ada", "bob", "bob", "ada", "eve"]) {
      const lease = yield* store.acquire(name, holder, "1 minute")
      yield* Check.holds(
        `${holder} acquired a released lease: its token`,
        `more than ${token}`,
        lease.token > token,
        lease.token
      )
      token = lease.token
      yield* store.release(lease)
    }
  })
)

const releasedTwice = law(
  "CheckpointStore 14 releasing a lost lease is no error and takes nothing from its successor",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const old = yield* store.acquire(name, "ada", "1 minute")
    yield* store.release(old)
    yield* store.release(old)
    const now = yield* store.acquire(name, "bob", "1 minute")
    yield* store.release(old)
    yield* Check.refused("acquired what bob holds", store.acquire(name, "eve", "1 minute"), "LeaseHeld")
    yield* store.advance({ name, from: at(0), to: at(1), lease: now })
    // The same holder in another life has another lease.
    yield* store.release(now)
    const again = yield* store.acquire(name, "bob", "1 minute")
    yield* store.release(now)
    yield* Check.refused("acquired what bob holds again", store.acquire(name, "eve", "1 minute"), "LeaseHeld")
    yield* store.renew(again)
  })
)

const runsOut = law(
  "CheckpointStore 15 a lease that is not renewed can be taken over when it runs out, and not before",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const since = performance.now()
    const first = yield* store.acquire(name, "ada", short)
    const { after, lease } = yield* takeOver(name, "bob", since)
    yield* notBefore("took a lease over", after)
    yield* Check.holds(
      "took a lease over: its token",
      `more than ${first.token}`,
      lease.token > first.token,
      lease.token
    )
  })
)

const renewed = law(
  "CheckpointStore 16 renewing prolongs a lease from then on",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const lease = yield* store.acquire(name, "ada", short)
    yield* Effect.sleep(Duration.divideUnsafe(short, 2))
    const since = performance.now()
    yield* store.renew(lease)
    const { after } = yield* takeOver(name, "bob", since)
    yield* notBefore("renewed a lease, then took it over", after)
  })
)

/** Everything that a lost lease must not do. */
const isPowerless = (did: string, lease: Lease, stands: number) =>
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const { name } = lease
    const move = { name, from: at(stands), to: at(stands + 1), lease }
    const error = yield* Check.refused(`${did}, and moved the checkpoint with it`, store.advance(move), "LeaseLost")
    yield* Check.equal(
      `${did}: what the error says`,
      [error.name, error.holder, error.token],
      [name, lease.holder, lease.token]
    )
    yield* Check.refused(`${did}, and renewed it`, store.renew(lease), "LeaseLost")
    const stop = new Stopped({ problem: "late", eventId: undefined, stream: undefined, position: undefined })
    yield* Check.refused(`${did}, and stopped with it`, store.stop(name, stop, lease), "LeaseLost")
    const found = yield* store.load(name)
    yield* Check.equal(`${did}: the checkpoint after all that`, found, { position: at(stands), stopped: undefined })
  })

const takenOver = law(
  "CheckpointStore 17 a lease that was taken over cannot move, renew or stop anything",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const old = yield* store.acquire(name, "ada", short)
    const { lease } = yield* takeOver(name, "bob", performance.now())
    yield* isPowerless("lost a lease to another holder", old, 0)
    yield* store.advance({ name, from: at(0), to: at(1), lease })
    yield* store.release(lease)
    yield* isPowerless("lost a lease that was released since", old, 1)
    // The same holder after a restart: its former self must not commit either.
    yield* store.acquire(name, "ada", "1 minute")
    yield* isPowerless("lost a lease to the same holder's next life", old, 1)
  })
)

const givenBack = law(
  "CheckpointStore 18 a lease that was released cannot move, renew or stop anything",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const lease = yield* store.acquire(yield* Fresh.name("runner"), "ada", "1 minute")
    yield* store.release(lease)
    yield* isPowerless("released a lease", lease, 0)
  })
)

const lostMeanwhile = law(
  "CheckpointStore 19 a lease that is lost while the writes run does not commit",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const since = performance.now()
    const lease = yield* store.acquire(name, "ada", short)
    const state = { taken: false }
    yield* Effect.forkScoped(
      Effect.tap(takeOver(name, "bob", since), () =>
        Effect.sync(() => {
          state.taken = true
        })
      )
    )
    // A backend may also lock the lease for as long as the transaction runs: then nobody takes it over meanwhile.
    const writes = Effect.gen(function* () {
      while (!state.taken && performance.now() - since < 3 * Duration.toMillis(short)) yield* Effect.sleep(2)
      return state.taken
    })
    const result = yield* Effect.result(store.transact({ name, from: at(0), to: at(1), lease }, writes))
    const { position } = yield* store.load(name)
    const did = "let someone take over a lease in the middle of a transaction"
    const found =
      result._tag === "Success"
        ? [`committed, lost before: ${result.success}`, position]
        : [result.failure._tag, position]
    const ok =
      result._tag === "Success"
        ? !result.success && position === 1
        : result.failure._tag === "LeaseLost" && position === 0
    yield* Check.holds(did, "LeaseLost and the checkpoint at 0, or a commit that nobody could interrupt", ok, found)
  })
)

const unlocked = law(
  "CheckpointStore 20 a checkpoint that is moved under a new lease continues where the old holder left it",
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const name = yield* Fresh.name("runner")
    const first = yield* store.acquire(name, "ada", "1 minute")
    yield* store.advance({ name, from: at(0), to: at(4), lease: first })
    yield* store.release(first)
    yield* Check.equal("released a lease: the checkpoint", (yield* store.load(name)).position, at(4))
    const second = yield* store.acquire(name, "bob", "1 minute")
    yield* Check.equal("acquired a lease: the checkpoint", (yield* store.load(name)).position, at(4))
    yield* store.advance({ name, from: at(4), to: at(5), lease: second })
    yield* Check.equal("moved it under the new lease", (yield* store.load(name)).position, at(5))
  })
)

/** The laws of leases. */
export const leases = [
  exclusive,
  racers,
  released,
  releasedTwice,
  runsOut,
  renewed,
  takenOver,
  givenBack,
  lostMeanwhile,
  unlocked
]
