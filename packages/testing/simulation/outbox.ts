// outbox: what the machines of a world have to do, each its own: commands to execute and messages to publish, in order.
import type { Message } from "evolvent/Bus"
import * as EventId from "evolvent/EventId"
import * as Revision from "evolvent/Revision"
import * as StreamName from "evolvent/StreamName"
import type { Random } from "../src/internal/random.ts"
import { poison } from "./domain.ts"
import type { Account, Request } from "./domain.ts"

/** A command, with the id that makes it count once. */
export type Command =
  | (Common & { readonly to: "Account"; readonly command: typeof Account.schemas.command.Type })
  | (Common & { readonly to: "Request"; readonly command: typeof Request.schemas.command.Type })

interface Common {
  readonly id: string
  readonly commandId: string
}

/** What there is to do for each machine, and how far it has come; it survives them. */
export interface Outbox {
  readonly commands: ReadonlyArray<Queue<Command>>
  readonly batches: ReadonlyArray<Queue<ReadonlyArray<Message>>>
  /** Whether everything is done. */
  readonly isEmpty: () => boolean
}

/** Things to do in order. */
export interface Queue<A> {
  readonly items: ReadonlyArray<A>
  done: number
}

const accounts = ["a", "b", "c", "d"]

/** An outbox by chance. */
export const make = (random: Random, machines: number): Outbox => {
  const commands: Array<Array<Command>> = Array.from({ length: machines }, () => [])
  const give = (command: Command): void => void commands[random.below(machines)]?.push(command)
  let next = 0
  const commandId = (): string => `command ${next++}`
  for (const id of accounts) {
    // Now and then one stays closed.
    const amount = 20 + random.below(100)
    if (!random.chance(0.1)) {
      give({ to: "Account", id, commandId: commandId(), command: { _tag: "Open", amount, note: "first" } })
    }
  }
  const poisonRate = random.pick([0, 0.1, 0.3]) ?? 0
  const count = 8 + random.below(14)
  for (let i = 0; i < count; i++) {
    const id = random.pick(accounts) ?? "a"
    const amount = 1 + random.below(50)
    if (random.chance(0.35)) {
      const to = random.pick(accounts) ?? "b"
      const command = { _tag: "Ask", from: id, to, amount: random.chance(0.2) ? 1000 : amount } as const
      give({ to: "Request", id: `t${i}`, commandId: commandId(), command })
    } else {
      const note = `${random.chance(poisonRate) ? poison : "note"} ${i}`
      give({ to: "Account", id, commandId: commandId(), command: { _tag: "Deposit", amount, note } })
    }
  }
  const batches = Array.from({ length: machines }, (_, machine) => messages(random, machine, poisonRate))
  const queues = { commands: commands.map(queue), batches: batches.map(queue) }
  const isDone = ({ done, items }: Queue<unknown>): boolean => done >= items.length
  return { ...queues, isEmpty: () => queues.commands.every(isDone) && queues.batches.every(isDone) }
}

const queue = <A>(items: ReadonlyArray<A>): Queue<A> => ({ items, done: 0 })

/** The batches that one machine publishes: of keys that are its own, each in order. */
const messages = (random: Random, machine: number, poisonRate: number): ReadonlyArray<ReadonlyArray<Message>> => {
  const revisions = new Map<string, number>()
  return Array.from({ length: 2 + random.below(4) }, () =>
    Array.from({ length: 1 + random.below(4) }, (): Message => {
      const key = `m${machine}-${random.below(3)}`
      const revision = (revisions.get(key) ?? -1) + 1
      revisions.set(key, revision)
      return {
        id: EventId.derive("simulation", key, revision),
        key,
        category: "News",
        type: random.chance(poisonRate / 2) ? poison : "Note",
        schemaVersion: 1,
        stream: StreamName.make("News", key),
        revision: Revision.make(revision),
        data: { revision },
        metadata: {}
      }
    })
  )
}
