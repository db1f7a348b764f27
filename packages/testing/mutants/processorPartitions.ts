// Broken ways of dividing the work of a processor, one for each of its laws.
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Position from "evolvent/Position"
import * as CheckpointStore from "evolvent/CheckpointStore"
import type { Member } from "evolvent/CheckpointStore"
import * as Memory from "evolvent/Memory"
import * as Processor from "evolvent/Processor"
import type { Break, Mutant } from "./Mutant.ts"
import { checkpoints } from "./processorLease.ts"
import { isProjection, runsOn } from "./Runs.ts"

const isDivided = (options: { readonly partitions?: number } | undefined): boolean => (options?.partitions ?? 1) > 1

/** A projection's runner reads from where the foremost of its slots stands. */
const fromTheForemost = runsOn(
  (processor) => {
    let foremost: Position.Position = Position.beginning
    if (!isProjection(processor.name)) return { processor }
    return {
      processor,
      checkpoints: ({ loadAll }) => ({
        loadAll: (names) =>
          Effect.tap(loadAll(names), (all) =>
            Effect.sync(() => {
              foremost = Position.make(Math.max(...all.map(({ position }) => position)))
            })
          )
      }),
      store: ({ subscribe }) => ({
        subscribe: (filter, options) =>
          subscribe(filter, filter === processor.filter ? { ...options, after: foremost } : options)
      })
    }
  },
  () => true
)

/** Those who share the work of reactors, as they are told of each other. */
const members =
  (
    change: (
      all: ReadonlyArray<Member>,
      me: Member,
      name: string,
      silent: Map<string, Map<string, Member>>
    ) => ReadonlyArray<Member>
  ) =>
  (): Break => {
    const known = new Map<string, Map<string, Member>>()
    return checkpoints(({ attend, leave }) => ({
      attend: (name, member, duration) =>
        Effect.map(attend(name, member, duration), (all) =>
          name.startsWith("reactor/") ? change(all, member, name, known) : all
        ),
      leave: (name, holder) => {
        known.get(name)?.delete(holder)
        return leave(name, holder)
      }
    }))
  }

/** A runner of many partitions leaves out what comes first of each key. */
const withoutFirsts = runsOn(
  (processor) => {
    const seen = new Set<string>()
    const isFirst = (key: string) => !seen.has(key) && seen.add(key).has(key)
    return {
      processor: processor.checkpoint.startsWith("reactor/")
        ? { ...processor, prepare: (events) => processor.prepare(events).filter(({ key }) => !isFirst(key)) }
        : processor
    }
  },
  (options) => (options?.partitions ?? 1) >= 5
)

/** One event after the other, whatever its partition. */
const oneByOne = runsOn((processor) => {
  const turn = Semaphore.makeUnsafe(1)
  return { processor: { ...processor, handle: (steps) => turn.withPermits(1)(processor.handle(steps)) } }
}, isDivided)

/** A runner of four partitions has another one beside it, on one of its slots, with a lease and a checkpoint of its own. */
const twoOnOne = (): Break => ({
  functions: (functions) => ({
    ...functions,
    run: (processor, options) => {
      if (options?.partitions !== 4 || !processor.checkpoint.startsWith("reactor/")) {
        return Processor.run(processor, options)
      }
      let slot: number | undefined
      const other: typeof processor = {
        ...processor,
        prepare: (events) =>
          processor.prepare(events).filter(({ key }) => Processor.slotOf(key) === (slot ??= Processor.slotOf(key)))
      }
      const apart = CheckpointStore.make(Memory.drivers().checkpointStore)
      return Effect.raceFirst(
        Processor.run(processor, options),
        Effect.provideService(Processor.run(other, options), CheckpointStore.CheckpointStore, apart)
      )
    }
  })
})

/** Broken partitions. */
export const dividing: ReadonlyArray<Mutant> = [
  {
    law: "Processor 14.6",
    breaks: "a runner goes on where the foremost of its slots is",
    by: fromTheForemost
  },
  {
    law: "Processor 14.7",
    breaks: "a runner of many partitions leaves out the first event of each key",
    by: withoutFirsts
  },
  { law: "Processor 14.7", breaks: "two runners work on one slot", by: twoOnOne, also: ["Processor 14.9"] },
  {
    law: "Processor 14.8",
    breaks: "a runner of sixteen partitions keeps what it has, whoever comes",
    by: members((all, me) => (me.partitions === 16 ? [me] : all))
  },
  {
    law: "Processor 14.8",
    breaks: "the third runner gets nothing",
    by: members((all) => (all.every(({ partitions }) => partitions === 16) ? all.slice(0, 2) : all))
  },
  {
    law: "Processor 14.9",
    breaks: "a runner that fell silent keeps its share",
    by: members((all, _, name, known) => {
      const before = known.get(name) ?? new Map<string, Member>()
      known.set(name, before)
      for (const member of all) if (member.partitions > 1) before.set(member.holder, member)
      return [...new Map([...before, ...all.map((one) => [one.holder, one] as const)]).values()]
    })
  },
  {
    law: "Processor 14.10",
    breaks: "a runner handles one event after the other, whatever its partition",
    by: oneByOne
  }
]
