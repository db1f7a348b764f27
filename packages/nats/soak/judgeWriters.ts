// judgeWriters: compares what the writers of events were told with what is stored.
import type { Planned, Stored, WriterLine } from "./journal.ts"
import { lines } from "./journal.ts"
import type { Log } from "./stored.ts"
import type { Tally } from "./tally.ts"
import { typeOf } from "./workload.ts"

type Op = Extract<WriterLine, { readonly k: "try" }>

/** What the library writes for itself has another content. */
const isOurs = (category: string): boolean => ["Hot", "Warm", "Odd", "Cold", "$own"].includes(category)

/** Looks through a log by itself. */
export const checkLog = (log: Log, tally: Tally): void => {
  const { add, broke } = tally
  const heads = new Map<string, { readonly revision: number; readonly time: number }>()
  const seen = new Set<string>()
  for (const { category, id, position, revision, stream, time, told, type } of log.events) {
    const before = heads.get(stream)
    const expected = (before?.revision ?? -1) + 1
    if (revision < expected) {
      broke("reordered", `${stream} has revision ${revision} at ${position}, after ${expected - 1}`)
    }
    if (revision > expected) broke("holes", `${stream} has revision ${revision} at ${position}, but not ${expected}`)
    if (seen.has(id)) broke("duplicates", `event ${id} of ${stream} is stored again at ${position}`)
    if (isOurs(category) && (told !== id || type !== typeOf(id))) {
      broke("spoiled", `event ${id} at ${position} is a ${type} with the content of ${told}`)
    }
    if (before !== undefined && time < before.time) {
      broke("spoiled", `${stream} goes back in time at revision ${revision}`)
    }
    seen.add(id)
    heads.set(stream, { revision, time })
  }
  add("events", log.events.length)
}

/** Reads the journals of all writers. */
export const judge = async (files: ReadonlyArray<string>, log: Log, tally: Tally): Promise<void> => {
  const { add, broke } = tally
  // Ids that may be stored, by any append that brought them; the others must not be.
  const allowed = new Set<string>()
  const allow = ({ ids }: Planned): void => {
    for (const id of ids) allowed.add(id)
  }

  const acknowledged = ({ appends, kind }: Op, results: ReadonlyArray<Stored>): void => {
    if (kind === "repeat" || kind === "twin" || kind === "race") add("repeats")
    if (kind === "misuse") broke("wrong", `ids were stored with other content: ${appends[0]?.ids.join(", ")}`)
    appends.forEach((append, i) => {
      const { ids, stream } = append
      const result = results[i]
      add("appends")
      allow(append)
      if (ids.length === 0) return
      const there = ids.map((id) => log.byId.get(id))
      const missing = there.filter((event) => event?.stream !== stream).length
      if (missing > 0) {
        broke(
          "lost",
          `${missing} of ${ids.length} acknowledged events (${kind}) are not in ${stream}, said to end at revision ` +
            `${result?.revision}, position ${result?.position}: ${ids.join(", ")}`,
          missing
        )
        return
      }
      const first = (result?.revision ?? -1) - ids.length + 1
      const stands = there.every((event, k) => event?.revision === first + k)
      if (stands && there.at(-1)?.position === result?.position) return
      const at = there.map((event) => `${event?.revision} at ${event?.position}`).join(", ")
      broke("wrong", `${kind} to ${stream}: answered ${result?.revision} at ${result?.position}, but stands as ${at}`)
    })
  }

  const unknown = ({ appends, kind }: Op): void => {
    // Whatever the answer would have been, a misuse is never stored.
    if (kind === "misuse") return
    add("unknown")
    appends.forEach(allow)
    const whole = appends.flatMap(({ ids, stream }) => ids.map((id) => log.byId.get(id)?.stream === stream))
    const stored = whole.filter(Boolean).length
    if (stored === 0 || stored === whole.length) return
    broke("torn", `${kind}: ${stored} of ${whole.length} events are stored, first id ${appends[0]?.ids[0]}`)
  }

  for (const file of files) {
    const open = new Map<number, Op>()
    for await (const line of lines<WriterLine>(file)) {
      if (line.k === "finding") broke("wrong", line.problem)
      else if (line.k === "try") open.set(line.op, line)
      else if (line.k === "ok" || line.k === "no") {
        const op = open.get(line.op)
        if (op === undefined) continue
        open.delete(line.op)
        if (line.k === "ok") {
          tally.longestOutage = Math.max(tally.longestOutage, line.ms)
          acknowledged(op, line.results)
        } else if (line.why === "conflict") {
          add("conflicts")
          if (op.appends.every(({ expected }) => expected === "any")) {
            broke("wrong", `${op.kind} to ${op.appends[0]?.stream} expected nothing, and conflicted`)
          }
        } else {
          add("refused")
          if (op.kind !== "misuse") {
            broke("wrong", `${op.kind} to ${op.appends[0]?.stream} was refused for ids that it alone has`)
          }
        }
      }
    }
    for (const op of open.values()) unknown(op)
  }
  for (const { category, id, position, stream } of log.events) {
    if (allowed.has(id) || !isOurs(category)) continue
    broke("unasked", `${stream} holds ${id} at ${position}, which was refused or never brought`)
  }
}
