// The laws of snapshots under commands: when they are taken, and that loading from one is loading.
import * as Effect from "effect/Effect"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import { CurrentPolicy, SnapshotStore } from "evolvent/SnapshotStore"
import type { Policy } from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Random from "../internal/random.ts"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import { Subject } from "./Subject.ts"

/** What the events of an account come to, counted by hand. */
const counted = (events: ReadonlyArray<{ readonly type: string; readonly data: unknown }>) => ({
  balance: events.reduce((sum, { data, type }) => {
    const { amount } = data as { readonly amount: number }
    return type === "Deposited" ? sum + amount : sum - amount
  }, 0),
  count: events.length
})

const anyPolicy = (random: Random.Random): Policy => {
  const limits: ReadonlyArray<Policy> = [
    { every: 1 + random.below(7) },
    { bytes: random.below(100) },
    { olderThan: random.below(3) },
    { when: () => random.chance(0.4) },
    { when: () => true }
  ]
  return random.pick(limits) ?? { every: 1 }
}

const foldsAlike = law(
  "Aggregate 27 a snapshot and the events behind it fold to what all events fold to, wherever and whenever it was taken",
  Effect.gen(function* () {
    const { execute, load } = yield* Subject
    const snapshots = yield* SnapshotStore
    const seed = yield* EventId.generate
    const random = Random.make(seed)
    for (const round of Fresh.range(6)) {
      const account = yield* Account.make()
      const stream = StreamName.make(account.name, "a")
      const policy = anyPolicy(random)
      const under = Effect.provideService(CurrentPolicy, policy)
      for (const step of Fresh.range(9)) {
        const amounts = Fresh.range(1 + random.below(5)).map(() => 1 + random.below(9))
        const command =
          step === 0 || random.chance(0.7)
            ? ({ _tag: "DepositEach", amounts } as const)
            : Account.withdraw(1 + random.below(9))
        yield* Effect.ignore(under(execute(account, "a", command)))
        // Sometimes a snapshot is there by then, sometimes an older one, and sometimes none any more.
        if (random.chance(0.5)) yield* Effect.sleep(1)
        if (random.chance(0.1)) yield* snapshots.remove(stream)
        const events = yield* Contents.ofStream(stream)
        const did = `loaded after step ${step} of round ${round} (seed ${seed}, ${JSON.stringify(policy)})`
        const { revision, state } = yield* under(load(account, "a"))
        const last = events.length === 0 ? undefined : Revision.make(events.length - 1)
        yield* Check.equal(did, [state, revision], [counted(events), last])
        if (last === undefined) continue
        const at = random.below(events.length)
        const before = yield* under(load(account, "a", { at: { revision: at } }))
        yield* Check.equal(`${did}, revision ${at}`, before.state, counted(events.slice(0, at + 1)))
      }
    }
  })
)

const whenDue = law(
  "Aggregate 28 snapshots are taken by size, by age and by a predicate, when a command reaches the limit",
  Effect.gen(function* () {
    const { execute } = yield* Subject
    const store = yield* SnapshotStore
    const bytes = JSON.stringify({ amount: 1 }).length
    const cases: ReadonlyArray<readonly [limit: string, policy: Policy, revisions: ReadonlyArray<number>]> = [
      ["three events' bytes", { bytes: 3 * bytes }, [3, 7]],
      ["an age that a stream's second command finds", { olderThan: "1 hour" }, [1]],
      ["a predicate of five events", { when: ({ events }) => events >= 5 }, [4]]
    ]
    for (const [limit, policy, revisions] of cases) {
      const account = yield* Account.make()
      const saved: Array<number> = []
      const watched: SnapshotStore["Service"] = {
        ...store,
        save: (snapshot) => Effect.tap(store.save(snapshot), () => Effect.sync(() => saved.push(snapshot.revision)))
      }
      const under = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        effect.pipe(Effect.provideService(CurrentPolicy, policy), Effect.provideService(SnapshotStore, watched))
      for (const i of Fresh.range(8)) {
        yield* under(execute(account, "a", Account.deposit(1)))
        if (!revisions.includes(i)) continue
        const did = `executed command ${i + 1}, with the limit of ${limit}`
        yield* Check.eventually(
          did,
          "a snapshot is taken",
          Effect.sync(() => saved),
          (all) => all.includes(i)
        )
      }
      yield* Check.equal(`executed eight commands, with the limit of ${limit}: the snapshots`, saved, [...revisions])
    }
  })
)

/** The laws of snapshots. */
export const snapshotting = [foldsAlike, whenDue]
