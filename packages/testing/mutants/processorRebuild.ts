// Broken ways of rebuilding and replaying, one for each of their laws.
import type { Functions } from "@evolvent/testing/conformance"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { CheckpointStore } from "evolvent/CheckpointStore"
import { EventStore } from "evolvent/EventStore"
import * as Processor from "evolvent/Processor"
import * as ReadModel from "evolvent/ReadModel"
import { ReadModelStore } from "evolvent/ReadModelStore"
import type { EncodedRow, Table } from "evolvent/ReadModelStore"
import type { Break, Mutant } from "./Mutant.ts"
import { checkpoints } from "./processorLease.ts"
import { runs } from "./Runs.ts"

const functions = (change: (whole: Functions) => Partial<Functions>): Break => ({
  functions: (whole) => ({ ...whole, ...change(whole) })
})

/** A projection's runner is let in although its definition does not fit, for some reasons. */
const admitted = (passes: (error: unknown) => boolean) =>
  runs(
    () => (processor) =>
      processor.admit === undefined
        ? processor
        : { ...processor, admit: Effect.catchIf(processor.admit, passes, () => Effect.void) },
    () => true
  )

const hasTag = (error: unknown, tag: string): error is object =>
  typeof error === "object" && error !== null && Reflect.get(error, "_tag") === tag

const isMoved = (error: unknown, isRetired: boolean): boolean =>
  hasTag(error, "ProjectionMoved") && Reflect.get(error, "isRetired") === isRetired

/** Where many have read, the first who reads after a switch finds a row of before among the new ones. */
const mixed = (): Break => {
  const reads = new Map<string, number>()
  const old = new Map<string, EncodedRow>()
  const id = ({ name, version }: Table): string => `${name}@${version}`
  const everything = { where: [], orderBy: undefined, direction: "asc", limit: 1, after: undefined } as const
  return {
    readModels: (store) => ({
      ...store,
      list: (table, query) =>
        Effect.map(store.list(table, query), (rows) => {
          reads.set(id(table), (reads.get(id(table)) ?? 0) + 1)
          const row = old.get(id(table))
          old.delete(id(table))
          return rows.map((one) => (one.key === row?.key ? row : one))
        }),
      swap: (table, other) =>
        Effect.andThen(
          Effect.map(store.list(table, everything), ([first]) => {
            if (first !== undefined && (reads.get(id(table)) ?? 0) >= 4) old.set(id(table), first)
          }),
          store.swap(table, other)
        )
    })
  }
}

/** Where two share the work of a read model neither lets go of it. */
const clinging = checkpoints(({ attend }) => ({
  attend: (name, member, duration) =>
    Effect.map(attend(name, member, duration), (all) => {
      const workers = all.filter(({ partitions }) => partitions > 0)
      return name.startsWith("projection/counts") && workers.length >= 2 ? workers : all
    })
}))

/** Rebuilds otherwise, where others of the same projection went before or are at work. */
const knowingOthers =
  (change: (whole: Functions["rebuild"], before: number, atWork: number) => Functions["rebuild"]) => (): Break => {
    const all = new Map<string, { before: number; atWork: number }>()
    return functions(() => ({
      rebuild: (projection, options) =>
        Stream.unwrap(
          Effect.sync(() => {
            const others = all.get(projection.name) ?? { before: 0, atWork: 0 }
            all.set(projection.name, others)
            const rebuild = change(Processor.rebuild, others.before, others.atWork)
            others.before += 1
            others.atWork += 1
            return Stream.ensuring(
              rebuild(projection, options),
              Effect.sync(() => (others.atWork -= 1))
            )
          })
        )
    }))
  }

const fromNothing: Functions["rebuild"] = (projection, options) =>
  Stream.unwrap(Effect.as(Processor.cancelRebuild(projection), Processor.rebuild(projection, options)))

const notBoth: Functions["rebuild"] = ({ name, version }) =>
  Stream.fail(new Processor.RebuildRefused({ projection: name, version, problem: "another rebuilds it" }))

/** Broken rebuilds. */
export const rebuilding: ReadonlyArray<Mutant> = [
  {
    law: "Processor 15.1",
    breaks: "right after the switch one of the rows of before is read",
    by: mixed
  },
  {
    law: "Processor 15.1",
    breaks: "when it is done a rebuild tells of the beginning",
    by: functions(() => ({
      rebuild: (projection, options) =>
        Stream.map(Processor.rebuild(projection, options), (now) => (now.phase === "done" ? { ...now, done: 0 } : now))
    }))
  },
  {
    law: "Processor 15.2",
    breaks: "where two keep the rows they do not let go of them",
    by: clinging
  },
  {
    law: "Processor 15.3",
    breaks: "a rebuild that was killed begins anew",
    by: knowingOthers((whole, before, atWork) => (before > 0 && atWork === 0 ? fromNothing : whole))
  },
  {
    law: "Processor 15.4",
    breaks: "who cancels a rebuild drops the rows that are read",
    by: functions(() => ({
      cancelRebuild: (projection) =>
        Effect.andThen(
          Processor.cancelRebuild(projection),
          ReadModelStore.use((store) => store.drop(projection.table))
        )
    }))
  },
  {
    law: "Processor 15.4",
    breaks: "a rebuild that was cancelled is gone on with",
    by: functions(() => ({ cancelRebuild: () => Effect.void }))
  },
  {
    law: "Processor 15.5",
    breaks: "a changed definition is let in",
    by: admitted((error) => hasTag(error, "ProjectionChanged"))
  },
  {
    law: "Processor 15.5",
    breaks: "whoever has the old definition goes on after the rebuild",
    by: admitted((error) => isMoved(error, false))
  },
  {
    law: "Processor 15.6",
    breaks: "what was parked stays so after a rebuild",
    by: functions(() => ({
      rebuild: (projection, options) =>
        Stream.updateService(Processor.rebuild(projection, options), EventStore, (store) => ({
          ...store,
          append: (stream, events, expected) =>
            store.append(
              stream,
              events.map((event) => (event.type === "Handled" ? { ...event, type: "Left" } : event)),
              expected
            )
        }))
    }))
  },
  {
    law: "Processor 15.7",
    breaks: "a rebuild passes an event over on which the projection throws",
    by: functions(() => ({
      rebuild: (projection, options) =>
        Processor.rebuild(
          {
            ...projection,
            step: (row, event) => {
              try {
                return projection.step(row, event)
              } catch {
                return row
              }
            }
          },
          options
        )
    }))
  },
  {
    law: "Processor 15.7",
    breaks: "a rebuild that fails drops the rows that are read",
    by: functions(() => ({
      rebuild: (projection, options) =>
        Stream.tapError(Processor.rebuild(projection, options), () =>
          ReadModelStore.use((store) => store.drop(projection.table))
        )
    }))
  },
  {
    law: "Processor 15.8",
    breaks: "who rebuilds what another rebuilds already is refused",
    by: knowingOthers((whole, _, atWork) => (atWork > 0 ? notBoth : whole))
  },
  {
    law: "Processor 15.9",
    breaks: "a version that is given up keeps its rows",
    by: functions(() => ({
      retire: (projection) =>
        Effect.updateService(Processor.retire(projection), ReadModelStore, (store) => ({
          ...store,
          drop: () => Effect.void
        }))
    }))
  },
  {
    law: "Processor 15.9",
    breaks: "whoever keeps a version that is given up goes on",
    by: admitted((error) => isMoved(error, true))
  },
  {
    law: "Processor 15.10",
    breaks: "a replay moves the processor to its end",
    by: functions(() => ({
      replay: (processor, options) =>
        Stream.concat(Processor.replay(processor, options), Stream.fromEffectDrain(moveToTheHead(processor)))
    }))
  },
  {
    law: "Processor 15.10",
    breaks: "a replay that is called again begins anew",
    by: functions(() => ({
      replay: (processor, options) =>
        Stream.unwrap(
          Effect.sync(() =>
            Processor.replay(
              processor,
              options?.name === undefined ? options : { ...options, name: `${options.name} ${performance.now()}` }
            )
          )
        )
    }))
  },
  {
    law: "Processor 15.11",
    breaks: "all rows are rebuilt where some are asked for",
    by: functions(() => ({
      rebuildRows: (projection, keys, options) =>
        Effect.flatMap(Effect.orDie(ReadModel.list(projection)), ({ rows }) =>
          Processor.rebuildRows(projection, [...keys, ...rows.map(({ key }) => key)], options)
        )
    }))
  },
  {
    law: "Processor 15.11",
    breaks: "what is stored of a key stays where its rebuilt row is older",
    by: functions(() => ({
      rebuildRows: (projection, keys, options) =>
        Effect.updateService(Processor.rebuildRows(projection, keys, options), ReadModelStore, (store) => ({
          ...store,
          apply: (table, rows) =>
            store.apply(
              table,
              rows.filter(({ row }) => row !== undefined)
            )
        }))
    }))
  }
]

const moveToTheHead = ({ checkpoint }: { readonly checkpoint: string }) =>
  Effect.gen(function* () {
    const store = yield* CheckpointStore
    const to = yield* EventStore.use(({ head }) => head)
    const names = Processor.slotNames(checkpoint)
    const stands = yield* store.loadAll(names)
    yield* store.advance(names.map((name, i) => ({ name, from: stands[i]?.position ?? to, to })))
  })
