// judge: compares what the processors left behind with the log.
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import { EventStore } from "evolvent/EventStore"
import * as Projection from "evolvent/Projection"
import * as ReadModel from "evolvent/ReadModel"
import type { Cut } from "./chaos.ts"
import { ledger, slotName, targets } from "./domain.ts"
import * as judgeReactor from "./judgeReactor.ts"
import * as leases from "./leases.ts"
import * as log from "./log.ts"
import * as tables from "./tables.ts"

/** What was found. */
export interface Verdict extends judgeReactor.ReactorVerdict {
  readonly events: number
  readonly handlings: number
  readonly takeovers: number
  readonly fromStopped: number
  readonly stolen: number
  readonly foreign: number
  /** Rows that are not what the fold of the log gives. */
  readonly rowsWrong: number
  /** The longest time in milliseconds in which no event of a key was handled though one was waiting, and of which. */
  readonly longestGap: number
  readonly gapOf: string
  /** The longest part of such a time in which nobody who held the key was cut, and of which key. */
  readonly longestUndisturbed: number
  readonly undisturbedOf: string
}

type Tell = (problem: string) => void

/** The rows of the projection against the fold. */
const rows = Effect.fnUntraced(function* (tell: Tell) {
  const store = yield* EventStore
  const definition = ledger(() => Infinity)
  const expected = yield* Projection.fold(definition, store.read(definition.filter))
  const found = (yield* ReadModel.list(definition, { limit: 1000 })).rows
  let wrong = 0
  const differs = (key: string, row: unknown) => {
    const should = JSON.stringify(expected.get(key))
    if (JSON.stringify(row) === should) return
    wrong += 1
    tell(`the row "${key}" is ${JSON.stringify(row)}, but the fold gives ${should}`)
  }
  for (const { key, row } of found) differs(key, row)
  const keys = new Set(found.map(({ key }) => key))
  for (const key of expected.keys()) if (!keys.has(key)) differs(key, undefined)
  return wrong
})

/** The rows of the handler: every event once, and each stream in order. */
const handler = (found: ReadonlyArray<tables.Handled>, events: ReadonlyArray<log.Event>, tell: Tell) => {
  const verdict = { missed: 0, doubled: 0, reordered: 0 }
  const counts = new Map<string, number>()
  const last = new Map<string, number>()
  for (const { event, revision, stream } of found) {
    const count = (counts.get(event) ?? 0) + 1
    counts.set(event, count)
    if (count > 1) {
      verdict.doubled += 1
      tell(`the handler has ${stream} ${revision} ${count} times`)
      continue
    }
    if (revision !== (last.get(stream) ?? -1) + 1) {
      verdict.reordered += 1
      tell(`the handler has ${stream} ${revision} after ${last.get(stream)}`)
    }
    last.set(stream, revision)
  }
  for (const { id, revision, stream } of events) {
    if (counts.has(id)) continue
    verdict.missed += 1
    tell(`the handler never had ${stream} ${revision}`)
  }
  return verdict
}

/** The longest time in which a key had to wait, over all three. */
const longestGap = (events: ReadonlyArray<log.Event>, slotOf: (name: string) => leases.Slot) => {
  const longest = { longestGap: 0, gapOf: "", longestUndisturbed: 0, undisturbedOf: "" }
  for (const { checkpoint, keys, name } of targets) {
    const last = new Map<string, number>()
    for (const { amount, at, position, streamId, trouble } of events) {
      for (const key of keys(streamId, amount, trouble)) {
        const slot = slotOf(slotName(checkpoint, key))
        const handled = slot.passed(position) ?? Infinity
        const since = Math.max(at, last.get(key) ?? 0)
        last.set(key, handled)
        const of = `${name}, ${key}, at position ${position}`
        if (handled - since > longest.longestGap) Object.assign(longest, { longestGap: handled - since, gapOf: of })
        if (handled - since <= longest.longestUndisturbed) continue
        const longestUndisturbed = slot.undisturbed(since, handled)
        if (longestUndisturbed > longest.longestUndisturbed) {
          Object.assign(longest, { longestUndisturbed, undisturbedOf: of })
        }
      }
    }
  }
  return longest
}

/** Judges all of it. */
export const judge = Effect.fnUntraced(function* (sql: PgClient, cuts: ReadonlyArray<Cut>, tell: Tell) {
  const events = yield* log.read
  const byProcess = Map.groupBy(cuts, ({ process }) => process)
  const cutsOf = (process: string) => byProcess.get(process) ?? []
  const slots = new Map<string, leases.Slot>()
  const counts = { takeovers: 0, fromStopped: 0, stolen: 0, foreign: 0 }
  for (const { checkpoint } of targets) {
    for (let slot = 0; slot < 16; slot++) {
      const name = `${checkpoint}/${slot}`
      const one = leases.make(yield* tables.notesOf(sql, name), cutsOf, (problem) => tell(`${name}: ${problem}`))
      slots.set(name, one)
      for (const what of ["takeovers", "fromStopped", "stolen", "foreign"] as const) counts[what] += one[what]
    }
  }
  const none = leases.make([], cutsOf, tell)
  const slotOf = (name: string) => slots.get(name) ?? none
  const rowsWrong = yield* rows(tell)
  const handled = handler(yield* tables.handled(sql), events, tell)
  const { checkpoint } = targets[2]
  const lines = yield* tables.lines(sql)
  const reacted = judgeReactor.judge(lines, events, cutsOf, slotOf, checkpoint, yield* log.unparked(checkpoint), tell)
  const verdict: Verdict = {
    ...reacted,
    ...counts,
    ...longestGap(events, slotOf),
    events: events.length,
    handlings: lines.filter(({ what }) => what === "begin").length,
    missed: handled.missed + reacted.missed,
    doubled: handled.doubled + reacted.doubled,
    reordered: handled.reordered + reacted.reordered,
    rowsWrong
  }
  return verdict
})
