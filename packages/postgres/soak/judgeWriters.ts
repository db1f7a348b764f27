// judgeWriters: compares what the writers were told with what is stored.
import type { Planned, Stored, WriterLine } from "./journal.ts"
import { isTransaction, kinds, lines, type Kind } from "./journal.ts"
import type { Log } from "./stored.ts"
import type { StoreName } from "./workload.ts"

/** What the writers did, and what of it is not so. */
export interface WritersVerdict {
  appends: number
  /** Operations that were acknowledged, by how they were made; misuses that were refused. */
  readonly done: Record<Kind, number>
  conflicts: number
  repeats: number
  /** Operations of which nobody knows how they ended: killed, interrupted, given up. */
  unknown: number
  /** Acknowledged, and not there. */
  lost: number
  /** There, although it was refused, rolled back or undone, or though nobody brought it. */
  unasked: number
  /** Stored in part. */
  torn: number
  /** First results that are not where the events stand, and refusals that contradict themselves. */
  wrong: number
}

type Op = Extract<WriterLine, { readonly k: "try" }>

/** Reads the journals of all writers. */
export const judge = async (
  files: ReadonlyArray<string>,
  logs: Readonly<Record<StoreName, Log>>,
  tell: (problem: string) => void
): Promise<WritersVerdict> => {
  const verdict: WritersVerdict = {
    appends: 0,
    done: Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>,
    conflicts: 0,
    repeats: 0,
    unknown: 0,
    lost: 0,
    unasked: 0,
    torn: 0,
    wrong: 0
  }
  // Ids that may be stored, by any operation that brought them; the others must not be.
  const allowed: Record<StoreName, Set<string>> = { one: new Set(), two: new Set() }

  const allow = (store: StoreName, { ids }: Planned): void => {
    for (const id of ids) allowed[store].add(id)
  }
  const count = (store: StoreName, { ids, stream }: Planned): number =>
    ids.filter((id) => logs[store].byId.get(id)?.stream === stream).length

  const acknowledged = (op: Op, results: ReadonlyArray<Stored>): void => {
    if (op.kind === "repeat" || op.kind === "twin" || op.kind === "race") verdict.repeats += 1
    if (op.kind !== "misuse") verdict.done[op.kind] += 1
    if (op.kind === "misuse") {
      verdict.wrong += 1
      tell(`ids were stored with other content: ${op.appends[0]?.ids.join(", ")}`)
    }
    op.appends.forEach((append, i) => {
      const result = results[i] ?? null
      if (result === null || append.undone) {
        // A conflict, or a savepoint: nothing of it may be there.
        if (!append.undone) verdict.conflicts += 1
        return
      }
      verdict.appends += 1
      allow(op.store, append)
      const there = append.ids.map((id) => logs[op.store].byId.get(id))
      const missing = there.filter((event) => event?.stream !== append.stream).length
      if (missing > 0) {
        verdict.lost += missing
        tell(
          `${missing} of ${append.ids.length} acknowledged events are not in ${append.stream}: ${append.ids.join(", ")}`
        )
      } else if (append.ids.length > 0) {
        const first = result.revision - append.ids.length + 1
        const stands = there.every((event, k) => event?.revision === first + k)
        if (!stands || there.at(-1)?.position !== result.position) {
          verdict.wrong += 1
          const at = there.map((event) => `${event?.revision} at ${event?.position}`).join(", ")
          tell(`${op.kind} to ${append.stream}: answered ${result.revision} at ${result.position}, but stands as ${at}`)
        }
      }
    })
  }

  const unknown = (op: Op, committing: ReadonlyArray<Stored> | undefined): void => {
    // Its COMMIT was never sent, so nothing of it may be there.
    if (isTransaction(op.kind) && committing === undefined) return
    // Whatever the answer would have been, a misuse is never stored.
    if (op.kind === "misuse") return
    verdict.unknown += 1
    const appends = op.appends.filter(
      (one, i) => !one.undone && (committing === undefined || (committing[i] ?? null) !== null)
    )
    for (const append of appends) allow(op.store, append)
    const counts = appends.map((append) => count(op.store, append))
    const stored = counts.reduce((total, one) => total + one, 0)
    const whole = appends.reduce((total, { ids }) => total + ids.length, 0)
    if (op.kind !== "repeat" && stored !== 0 && stored !== whole) {
      verdict.torn += 1
      tell(`${op.kind}: ${stored} of ${whole} events are stored, first id ${appends[0]?.ids[0]}`)
    }
  }

  for (const file of files) {
    const open = new Map<number, { readonly op: Op; committing: ReadonlyArray<Stored> | undefined }>()
    for await (const line of lines<WriterLine>(file)) {
      if (line.k === "finding") {
        verdict.wrong += 1
        tell(line.problem)
        continue
      }
      if (line.k === "try") {
        open.set(line.op, { op: line, committing: undefined })
        continue
      }
      const at = open.get(line.op)
      if (at === undefined) continue
      if (line.k === "commit") at.committing = line.results
      else {
        open.delete(line.op)
        if (line.k === "ok") acknowledged(at.op, line.results)
        else if (line.why === "conflict") verdict.conflicts += 1
        else if (line.why === "reused") verdict.done[at.op.kind] += 1
      }
    }
    for (const { committing, op } of open.values()) unknown(op, committing)
  }
  for (const store of ["one", "two"] as const) {
    for (const { id, position, stream } of logs[store].events) {
      if (allowed[store].has(id)) continue
      verdict.unasked += 1
      tell(`${stream} holds ${id} at ${position}, which was refused, rolled back, undone, or never brought`)
    }
  }
  return verdict
}
