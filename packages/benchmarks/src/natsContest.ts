// A contest on NATS: some peers, each in its own process and with its own store of one server, which end with it.
import { startPeer } from "./child.ts"
import type { Child } from "./child.ts"
import { isAsked } from "./contest.ts"
import type { Context } from "./contest.ts"
import type { Kept, NatsStore } from "./natsServer.ts"
import type { PeerOnNats } from "./options.ts"
import { inTurn } from "./rounds.ts"
import type { Measured, Rounds } from "./rounds.ts"

/** A peer that runs, and its store. */
export interface NatsContestant {
  readonly name: PeerOnNats
  readonly child: Child
  readonly store: NatsStore
}

/** Fails unless the peer's stream holds so many messages: what was acknowledged is what is stored. */
export const verifyMessages = async ({ name, store }: NatsContestant, kept: Kept, expected: number): Promise<void> => {
  const stored = await store.messages(kept)
  if (stored !== expected) {
    throw new Error(`"${name}" acknowledged ${expected} messages of its ${kept}, but its stream holds ${stored}.`)
  }
}

/** Adds up what each peer acknowledges, and fails unless its stream holds as much. */
export const makeTally = (kept: Kept): ((contestant: NatsContestant, more: number) => Promise<void>) => {
  const totals = new Map<PeerOnNats, number>()
  return (contestant, more) => {
    const total = (totals.get(contestant.name) ?? 0) + more
    totals.set(contestant.name, total)
    return verifyMessages(contestant, kept, total)
  }
}

/** Runs some peers, those that were asked for, and ends them whatever happens. */
export const contest = async <A>(
  context: Context,
  names: ReadonlyArray<PeerOnNats>,
  use: (contestants: ReadonlyArray<NatsContestant>) => Promise<A>
): Promise<A> => {
  const server = await context.nats()
  const contestants: Array<NatsContestant> = []
  const stores: Array<NatsStore> = []
  try {
    for (const name of names.filter((one) => isAsked(context.options, one))) {
      const store = await server.create()
      stores.push(store)
      contestants.push({ name, child: await startPeer(name, store.url), store })
    }
    return await use(contestants)
  } finally {
    for (const { child } of contestants) await child.close()
    for (const store of stores) await store.drop()
  }
}

/** The rounds of some peers in turn, each after a round that does not count. */
export const compete = async (
  { options: { rounds, seconds } }: Context,
  contestants: ReadonlyArray<NatsContestant>,
  measure: (contestant: NatsContestant, seconds: number, round: number) => Promise<Measured>
): Promise<Rounds> => {
  const peers = new Map<PeerOnNats, (round: number) => Promise<Measured>>()
  for (const contestant of contestants) {
    await measure(contestant, Math.min(1, seconds), -1)
    peers.set(contestant.name, (round) => measure(contestant, seconds, round))
  }
  return inTurn(peers, rounds)
}
