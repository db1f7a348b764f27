// Picky: a reactor that refuses some numbers, for the laws of parking.
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Processor from "evolvent/Processor"
import type * as Account from "./Account.ts"
import * as Check from "./Check.ts"
import * as Fresh from "./Fresh.ts"
import * as Running from "./Running.ts"
import { Subject } from "./Subject.ts"

/** What its handler fails with. */
export class Refused extends Data.TaggedError("Refused")<{ readonly n: number }> {}

/** How a processor is run that parks what fails twice. */
export const parks = { retry: Schedule.recurs(1), onFailure: "park" } as const

/** A reactor that refuses some numbers, as long as they are there; streams are 0, 1 and 2, by the number's rest. */
export const picky = Effect.fnUntraced(function* (account: Account.Account, refused: ReadonlyArray<number>) {
  const bad = new Set(refused)
  const handled: Array<number> = []
  let attempts = 0
  const reactor = Processor.reactor(yield* Fresh.name("reactor"), {
    from: [account],
    handle: ({ data: { amount } }) =>
      Effect.suspend(() => {
        if (!bad.has(amount)) return Effect.sync(() => handled.push(amount))
        attempts += 1
        return Effect.fail(new Refused({ n: amount }))
      })
  })
  return { bad, handled, reactor, attempts: () => attempts }
})

/** Such a reactor, and what it did. */
export type Picky = Effect.Success<ReturnType<typeof picky>>

/** The numbers of so many events, from one on. */
export const numbers = (count: number, from = 1) => Fresh.range(count).map((n) => Running.amountOf(n + from))

/** The number of an event. */
export const amountIn = (event: { readonly data: unknown } | undefined): unknown =>
  (event?.data as { readonly amount?: number } | undefined)?.amount

/** Waits until so many numbers are parked; says which, in order. */
export const parksNow = Effect.fnUntraced(function* (
  did: string,
  reactor: Picky["reactor"],
  expected: ReadonlyArray<number>
) {
  const { parked } = yield* Subject
  const found = yield* Check.eventually(
    did,
    `${expected.length} events are parked`,
    parked(reactor),
    (all) => all.length === expected.length
  )
  const amounts = found.map(({ event }) => amountIn(event))
  yield* Check.equal<ReadonlyArray<unknown>>(`${did}: what is parked`, amounts, expected)
  return found
})

/** Waits until these numbers are handled, and no others. */
export const handles = (did: string, { handled }: Picky, expected: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const now = Effect.sync(() => handled.length)
    yield* Check.eventually(did, `${expected.length} events are handled`, now, (n) => n >= expected.length)
    yield* Check.equal(`${did}: what is handled`, [...handled].sort(ascending), [...expected].sort(ascending))
  })

const ascending = (a: number, b: number) => a - b
