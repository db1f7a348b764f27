// Broken snapshots and kept states, one for each of their laws.
import type { Functions } from "@evolvent/testing/conformance"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Aggregate from "evolvent/Aggregate"
import { CurrentPolicy } from "evolvent/SnapshotStore"
import type { Policy, Rule } from "evolvent/SnapshotStore"
import type { Break, Mutant } from "./Mutant.ts"

const isRule = (policy: Policy): policy is Rule => !Array.isArray(policy)

/** Executes under other rules. */
export const ruled = (change: (rule: Rule) => Rule) => (): Break => {
  const changed = (policy: Policy | undefined): Policy | undefined =>
    policy === undefined || !isRule(policy) ? policy : change(policy)
  const execute: Functions["execute"] = (aggregate, id, command, options) =>
    Effect.updateService(Aggregate.execute(aggregate, id, command, options), CurrentPolicy, changed)
  return { functions: (functions) => ({ ...functions, execute }) }
}

/** Snapshots before their last event, of even revisions from 4 on: laws of other things take theirs elsewhere. */
const early: Break = {
  snapshots: (store) => ({
    ...store,
    save: (snapshot) =>
      store.save(
        snapshot.revision < 4 || snapshot.revision % 2 === 1
          ? snapshot
          : {
              ...snapshot,
              state: snapshot.state.replace(/"count":(\d+)/, (_, count) => `"count":${Number(count) - 1}`)
            }
      )
  })
}

/** What a process that keeps states remembers; nothing where none are kept. */
const Remembered = Context.Reference<Map<string, unknown> | undefined>("mutants/Remembered", {
  defaultValue: () => undefined
})

type Remember = {
  readonly states: Map<string, unknown>
  readonly key: string
}

/** Executes with states that it remembers by itself. */
const remembers = (make: (remember: Remember) => Functions["execute"]): (() => Break) => {
  const execute: Functions["execute"] = (aggregate, id, command, options) =>
    Effect.flatMap(Remembered, (states) =>
      states === undefined
        ? Aggregate.execute(aggregate, id, command, options)
        : make({ states, key: `${aggregate.name}-${String(id)}` })(aggregate, id, command, options)
    )
  const layerCache: Functions["layerCache"] = () =>
    Layer.merge(
      Aggregate.layerCache(),
      Layer.effect(
        Remembered,
        Effect.sync(() => new Map<string, unknown>())
      )
    )
  return () => ({ functions: (functions) => ({ ...functions, execute, layerCache }) })
}

/** Broken snapshots. */
export const snapshotting: ReadonlyArray<Mutant> = [
  { law: "Aggregate 27", breaks: "a snapshot has not counted its last event", by: early },
  {
    law: "Aggregate 28",
    breaks: "half of the bytes are not counted",
    by: ruled(({ bytes, ...rule }) => (bytes === undefined ? rule : { ...rule, bytes: 2 * bytes }))
  }
]

/** Broken ways to keep states. */
export const keeping: ReadonlyArray<Mutant> = [
  {
    law: "Aggregate 29",
    breaks: "no state is kept",
    by: { functions: (functions) => ({ ...functions, layerCache: () => Layer.empty }) },
    // Without one there is nothing to be out of date.
    also: ["Aggregate 30"]
  },
  {
    law: "Aggregate 30",
    breaks: "after a conflict what is new is loaded twice",
    by: remembers(({ key, states }) =>
      Effect.fnUntraced(function* (aggregate, id, command, options) {
        const before = states.get(key)
        const done = yield* Aggregate.execute(aggregate, id, command, options)
        const { events, revision } = done
        if (typeof before === "number" && revision !== before + events.length) yield* Aggregate.load(aggregate, id)
        states.set(key, revision)
        return done
      })
    )
  },
  {
    law: "Aggregate 31",
    breaks: "what a kept state refuses is refused",
    by: remembers(({ key, states }) =>
      Effect.fnUntraced(function* (aggregate, id, command, options) {
        if (states.has(key))
          yield* Effect.fromResult(aggregate.decide(command, states.get(key) as typeof aggregate.initial))
        const done = yield* Aggregate.execute(aggregate, id, command, options)
        const state = states.has(key)
          ? Aggregate.fold(aggregate, done.events, states.get(key) as typeof aggregate.initial)
          : (yield* Aggregate.load(aggregate, id)).state
        states.set(key, state)
        return done
      })
    )
  },
  {
    law: "Aggregate 32",
    breaks: "a command is decided on a kept state, whatever was written since",
    also: ["Aggregate 31"],
    by: remembers(({ key, states }) =>
      Effect.fnUntraced(function* (aggregate, id, command, options) {
        const state = states.get(key)
        const done = yield* Aggregate.execute(
          state === undefined
            ? aggregate
            : { ...aggregate, decide: (command) => aggregate.decide(command, state as typeof aggregate.initial) },
          id,
          command,
          options
        )
        if (state === undefined) states.set(key, (yield* Aggregate.load(aggregate, id)).state)
        return done
      })
    )
  }
]
