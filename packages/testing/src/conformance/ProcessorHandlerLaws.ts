// The laws of transactional handlers: what they write commits with the checkpoint, or they say that it cannot.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as StreamName from "evolvent/StreamName"
import * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Contents from "./Contents.ts"
import * as Fresh from "./Fresh.ts"
import { law } from "./Law.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

class Refused extends Data.TaggedError("Refused")<{ readonly attempt: number }> {}

/** A handler that copies amounts into a stream by appends that join its transaction; `after` runs behind each. */
const copier = Effect.fnUntraced(function* <E>(
  account: Account.Account,
  after: (amount: number) => Effect.Effect<unknown, E>
) {
  const store = yield* EventStore
  const copies = yield* Fresh.stream()
  const name = yield* Fresh.name("handler")
  const handler = Processor.handler(name, {
    from: [account],
    handle: ({ data: { amount } }) =>
      Effect.andThen(store.append(copies, [{ type: "Counted", data: { n: amount } }]), after(amount))
  })
  return { copies, handler }
})

/** One deposit each. */
const deposit = Effect.fnUntraced(function* (account: Account.Account, amounts: ReadonlyArray<number>) {
  const store = yield* EventStore
  for (const amount of amounts) {
    yield* store.append(StreamName.make(account.name, String(amount % 3)), [{ type: "Deposited", data: { amount } }])
  }
})

const transactions = Effect.map(CheckpointStore, ({ capabilities }) => capabilities.transaction)

const together = law(
  "Processor 12.10 what a handler writes commits with its checkpoint: each event counts once, whatever fails between",
  Effect.gen(function* () {
    if (!(yield* transactions)) return
    const account = yield* Account.make()
    let attempts = 0
    const { copies, handler } = yield* copier(account, (amount) =>
      amount % 10 === 4 && ++attempts % 3 !== 0 ? Effect.fail(new Refused({ attempt: attempts })) : Effect.void
    )
    yield* deposit(account, Fresh.range(30))
    const running = yield* Running.start(handler, { retry: Schedule.recurs(5) })
    const { waitFor } = yield* Subject
    const head = yield* EventStore.use((store) => store.head)
    yield* waitFor(handler, head)
    yield* Contents.are("ran a handler that failed behind its write now and then", copies, Fresh.range(30))
    yield* running.kill
    yield* Running.start(handler)
    yield* deposit(account, [30, 31])
    yield* waitFor(handler, yield* EventStore.use((store) => store.head))
    yield* Contents.are("killed it, and ran it again", copies, Fresh.range(32))
  })
)

const stopped = law(
  "Processor 12.11 a handler that fails for good keeps what came before it, and nothing of the event on which it stopped",
  Effect.gen(function* () {
    if (!(yield* transactions)) return
    const account = yield* Account.make()
    const { copies, handler } = yield* copier(account, (amount) =>
      amount === 3 ? Effect.fail(new Refused({ attempt: 1 })) : Effect.void
    )
    yield* deposit(account, Fresh.range(6))
    const running = yield* Running.start(handler, { retry: Schedule.recurs(1) })
    const error = yield* running.stopped
    const did = "ran a handler that always fails on its fourth event, behind its write"
    yield* Check.holds(`${did}: the message`, "names the error", error.message.includes("Refused"), error.message)
    yield* Contents.are(did, copies, [0, 1, 2])
  })
)

const refused = law(
  "Processor 12.12 a handler on a backend without such a transaction stops at once, says so, and handles nothing",
  Effect.gen(function* () {
    if (yield* transactions) return
    const account = yield* Account.make()
    const { copies, handler } = yield* copier(account, () => Effect.void)
    yield* deposit(account, [0])
    const running = yield* Running.start(handler)
    const { message } = yield* running.stopped
    const did = "ran a handler where rows and checkpoint cannot commit together"
    yield* Check.holds(`${did}: the message`, "says transaction", message.includes("transaction"), message)
    yield* Contents.are(did, copies, [])
  })
)

/** The laws of handlers. */
export const handling = [together, stopped, refused]
