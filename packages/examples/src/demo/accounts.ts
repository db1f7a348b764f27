// The first half of the demo: accounts, a conflict, a rejection, and time travel.
import { DateTime, Effect, Stream } from "effect"
import { Aggregate, EventFilter, EventStore, Metadata, StreamName } from "evolvent"
import { Account } from "../account/domain.ts"
import { chapter, green, red, say, table, tell, whole } from "./print.ts"
import * as Remote from "./remote.ts"
import { transfer } from "./transfer.ts"

const balance = (id: string, at?: NonNullable<Aggregate.LoadOptions["at"]>) =>
  Effect.map(Aggregate.load(Account, id, at === undefined ? {} : { at }), ({ state }) => state.balance)

/** Opens an account under the first name that is free: "ada", and "ada-2" where an earlier run has opened that. */
const open = Effect.fnUntraced(function* (name: string, amount: number) {
  for (let n = 1; ; n++) {
    const id = n === 1 ? name : `${name}-${n}`
    const isFree = yield* Aggregate.execute(Account, id, { _tag: "Open", owner: name }).pipe(
      Effect.as(true),
      Effect.catchTag("AlreadyOpened", () => Effect.succeed(false))
    )
    if (!isFree) continue
    yield* Aggregate.execute(Account, id, { _tag: "Deposit", amount })
    return id
  }
})

const as = (actor: string) => Metadata.provide({ actor })

const withdraw = (who: string, id: string, amount: number) => {
  const command = `takes ${amount} from ${id}`
  return Aggregate.execute(Account, id, { _tag: "Withdraw", amount }).pipe(
    Effect.andThen(tell(who, `${command}: ${green("done")}`)),
    Effect.catchTag("NotEnough", (no) =>
      tell(who, `${command}: ${red("rejected")} as ${no._tag} { balance: ${no.balance} }`)
    ),
    as(who)
  )
}

export const accounts = Effect.gen(function* () {
  const [ada, bob] = yield* Effect.all([open("ada", 100), open("bob", 20)], { concurrency: "unbounded" })
  if (ada !== "ada")
    yield* say(`\nThe accounts of earlier runs are still there, so Ada's is ${ada} now, and Bob's ${bob}.`)

  yield* chapter(
    "1  A transfer, and a card in the same moment",
    "Ada has 100, Bob has 20. Ada sends Bob 60; her card pays 30 while that is decided."
  )
  const sent = transfer({ id: "t-1", from: ada, to: bob, amount: 60 })
  yield* Remote.atOnce(withdraw("card", ada, 30), as("transfer")(sent))
  yield* say(`Ada has ${yield* balance(ada)}, Bob has ${yield* balance(bob)}. Nothing was lost, nothing was locked.`)
  const { repeated } = yield* as("transfer")(sent)
  yield* tell("transfer", `sent again by accident: ${repeated ? "known, so nothing happens twice" : "paid twice!"}`)

  yield* chapter(
    "2  Two machines, one balance",
    "Both take out all of Bob's 80 at once. One is faster; the other decides again, and its answer is a typed no."
  )
  yield* Remote.atOnce(withdraw("machine A", bob, 80), withdraw("machine B", bob, 80))
  yield* say(`Bob has ${yield* balance(bob)}.`)

  yield* chapter("3  Time travel", "The log is the truth, so every earlier state is still there.")
  const store = yield* EventStore.EventStore
  const history = yield* Stream.runCollect(store.read(EventFilter.stream(StreamName.make("Account", bob))))
  const rows = yield* Effect.forEach(history, ({ metadata, recordedAt, revision, type }) =>
    Effect.map(balance(bob, { revision }), (then) => [
      whole(revision),
      type,
      whole(then),
      metadata.actor ?? "",
      DateTime.formatIso(recordedAt)
    ])
  )
  yield* table(["revision", "event", "balance", "by", "recorded at"], rows)
  yield* say("")
  yield* say(`At revision 2 Bob had ${yield* balance(bob, { revision: 2 })}.`)
  const time = history[1]?.recordedAt ?? (yield* DateTime.now)
  yield* say(`Before the transfer, at ${DateTime.formatIso(time)}, he had ${yield* balance(bob, { time })}.`)
})
