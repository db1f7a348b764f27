// bench fold: the pure fold through an aggregate's handlers, against a plain loop over a table of handlers.
import * as Aggregate from "evolvent/Aggregate"
import { Counter, eventAt } from "./counter.ts"
import type { CounterEvent } from "./counter.ts"
import { compare } from "./measure.ts"
import { perSecond, print } from "./table.ts"
import type { Row } from "./table.ts"

interface State {
  readonly owner: string
  readonly balance: number
  readonly open: boolean
}

type Handler<Tag> = (state: State, event: Extract<CounterEvent, { readonly _tag: Tag }>) => State
const handlers: { readonly [Tag in CounterEvent["_tag"]]: Handler<Tag> } = {
  Opened: (state, { owner }) => ({ ...state, owner, open: true }),
  Deposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
  Withdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
  Closed: (state) => ({ ...state, open: false })
}

const plainLoop = (events: ReadonlyArray<CounterEvent>): State => {
  let state: State = { owner: "", balance: 0, open: false }
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as CounterEvent
    state = (handlers[event._tag] as (state: State, event: CounterEvent) => State)(state, event)
  }
  return state
}

/** The rows of the fold. */
export const run = async (): Promise<ReadonlyArray<Row>> => {
  const rows: Array<Row> = []
  for (const size of [100, 10_000, 1_000_000]) {
    const events = Array.from({ length: size }, (_, n) => eventAt(n))
    const times = 2_000_000 / size
    const operations = size * times
    let sink = 0
    const { ours, peer, ratio } = await compare(
      {
        name: "Aggregate.fold",
        operations,
        round: () => {
          for (let i = 0; i < times; i++) sink += Aggregate.fold(Counter, events).balance
        }
      },
      {
        name: "plain loop",
        operations,
        round: () => {
          for (let i = 0; i < times; i++) sink += plainLoop(events).balance
        }
      }
    )
    if (Number.isNaN(sink)) throw new Error("The fold gave no number.")
    rows.push({
      what: `fold ${size.toLocaleString("en").replaceAll(",", " ")} events`,
      measured: perSecond(ours),
      against: `plain loop ${perSecond(peer)}`,
      ratio,
      budget: "≥ 0.80×",
      met: ratio >= 0.8
    })
  }
  print("fold: Aggregate.fold through handler records, against a plain loop over the same handlers", rows)
  return rows
}
