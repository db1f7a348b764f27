// The first half of the demo: accounts, a conflict, a rejection, and time travel.
import { DateTime, Effect, Stream } from "effect"
import { Aggregate, EventFilter, EventStore, Metadata, StreamName } from "evolvent"
import { Account } from "../account/domain.ts"
import { chapter, green, red, say, table, tell, whole } from "./print.ts"
import { transfer } from "./transfer.ts"

const balance = (id: string, at?: NonNullable<Aggregate.LoadOptions["at"]>) =>
  Effect.map(Aggregate.load(Account, id, at === undefined ? {} : { at }), ({ state }) => state.balance)

const open = (id: string, amount: number) =>
  Effect.andThen(
    Aggregate.execute(Account, id, { _tag: "Open", owner: id }),
    Aggregate.execute(Account, id, { _tag: "Deposit", amount })
  )

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

const inParallel = { concurrency: "unbounded", discard: true } as const

export const accounts = Effect.gen(function* () {
  yield* Effect.all([open("ada", 100), open("bob", 20)], inParallel)
  const before = yield* DateTime.now

  yield* chapter(
    "1  A transfer, and a card in the same moment",
    "Ada has 100, Bob has 20. Ada sends Bob 60; her card pays 30 while that is decided."
  )
  const sent = transfer({ id: "t-1", from: "ada", to: "bob", amount: 60 })
  yield* Effect.all([withdraw("card", "ada", 30), as("transfer")(sent)], inParallel)
  yield* say(
    `Ada has ${yield* balance("ada")}, Bob has ${yield* balance("bob")}. Nothing was lost, nothing was locked.`
  )
  const { repeated } = yield* as("transfer")(sent)
  yield* tell("transfer", `sent again by accident: ${repeated ? "known, so nothing happens twice" : "paid twice!"}`)

  yield* chapter(
    "2  Two machines, one balance",
    "Both take out all of Bob's 80 at once. One is faster; the other decides again, and its answer is a typed no."
  )
  yield* Effect.all([withdraw("machine A", "bob", 80), withdraw("machine B", "bob", 80)], inParallel)
  yield* say(`Bob has ${yield* balance("bob")}.`)

  yield* chapter("3  Time travel", "The log is the truth, so every earlier state is still there.")
  const store = yield* EventStore.EventStore
  const history = yield* Stream.runCollect(store.read(EventFilter.stream(StreamName.make("Account", "bob"))))
  const rows = yield* Effect.forEach(history, ({ metadata, recordedAt, revision, type }) =>
    Effect.map(balance("bob", { revision }), (then) => [
      whole(revision),
      type,
      whole(then),
      metadata.actor ?? "",
      DateTime.formatIso(recordedAt)
    ])
  )
  yield* table(["revision", "event", "balance", "by", "recorded at"], rows)
  yield* say("")
  yield* say(`At revision 2 Bob had ${yield* balance("bob", { revision: 2 })}.`)
  yield* say(
    `Before the transfer, at ${DateTime.formatIso(before)}, he had ${yield* balance("bob", { time: before })}.`
  )
})
