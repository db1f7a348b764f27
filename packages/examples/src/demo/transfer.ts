// A transfer between two accounts: out of the one, into the other, and back when the other takes nothing.
import { Effect } from "effect"
import { Aggregate } from "evolvent"
import { Account } from "../account/domain.ts"

export interface Transfer {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly amount: number
}

/** Each step has an id of its own, so a transfer that is sent again, or after a crash, happens once. */
export const transfer = Effect.fn("transfer")(function* ({ amount, from, id, to }: Transfer) {
  const out = yield* Aggregate.execute(Account, from, { _tag: "Withdraw", amount }, { commandId: `${id}/out` })
  yield* Aggregate.execute(Account, to, { _tag: "Deposit", amount }, { commandId: `${id}/in` }).pipe(
    Effect.catchTag("NotOpen", () =>
      Aggregate.execute(Account, from, { _tag: "Deposit", amount }, { commandId: `${id}/back` })
    )
  )
  return { repeated: out.repeated }
})
