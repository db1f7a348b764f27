// judgeBus: compares what the publishers were told with what the bus holds, and with what its groups handled.
import { groups } from "./groups.ts"
import { lines, type GroupLine, type WriterLine } from "./journal.ts"
import type { StoredMessage } from "./stored.ts"
import type { Tally } from "./tally.ts"
import { messageOf } from "./workload.ts"

/** What became of the messages of a key: those below `acknowledged` must be there, those below `tried` may. */
export interface Published {
  acknowledged: number
  tried: number
  /** How often messages were published again, by their numbers. */
  readonly again: Map<number, number>
}

/** What the journals of writers say, by key. */
export const published = async (files: ReadonlyArray<string>, tally: Tally): Promise<Map<string, Published>> => {
  const found = new Map<string, Published>()
  const of = (key: string): Published => {
    const known = found.get(key) ?? { acknowledged: 0, tried: 0, again: new Map<number, number>() }
    found.set(key, known)
    return known
  }
  for (const file of files) {
    for await (const line of lines<WriterLine>(file)) {
      if (line.k === "publish") of(line.key).tried = line.to + 1
      else if (line.k === "published") {
        tally.longestOutage = Math.max(tally.longestOutage, line.ms)
        of(line.key).acknowledged = line.to + 1
      } else if (line.k === "again") {
        const { again } = of(line.key)
        again.set(line.n, (again.get(line.n) ?? 0) + 1)
        tally.add("publishedAgain")
      }
    }
  }
  return found
}

/** Follows numbers as they come: each once, or again, but none before those that are below it. */
const following = (what: (key: string) => string, { add, broke }: Tally, counted: "messages" | "handled") => {
  const next = new Map<string, number>()
  return {
    next,
    take: (key: string, n: number, again: () => void): void => {
      const due = next.get(key) ?? 0
      add(counted)
      if (n < due) return again()
      if (n > due) broke("reordered", `${what(key)}: ${n} came where ${due} was due`)
      next.set(key, n + 1)
    }
  }
}

/** Looks through the messages of the bus; `remembers` where the server knew ids all the time. */
export const checkBus = (
  stored: ReadonlyArray<StoredMessage>,
  known: ReadonlyMap<string, Published>,
  remembers: boolean,
  tally: Tally
): void => {
  const { broke } = tally
  const copies = new Map<string, number>()
  const order = following((key) => `the bus, key "${key}"`, tally, "messages")
  for (const { data, id, key } of stored) {
    const { n, key: told } = (data ?? {}) as { readonly key?: unknown; readonly n?: unknown }
    const of = known.get(key)
    if (of === undefined || typeof n !== "number" || n >= of.tried) {
      broke("unasked", `the bus holds ${id} of "${key}", number ${String(n)}, which nobody published`)
      continue
    }
    if (told !== key || messageOf(key, n).id !== id)
      broke("spoiled", `message ${id} has the content of "${String(told)}"`)
    const before = copies.get(id) ?? 0
    copies.set(id, before + 1)
    order.take(key, n, () => {
      if (before <= (remembers ? 0 : (of.again.get(n) ?? 0))) return
      broke("duplicates", `the bus holds number ${n} of "${key}" ${before + 1} times`)
    })
  }
  for (const [key, { acknowledged }] of known) {
    const has = order.next.get(key) ?? 0
    if (has < acknowledged) {
      broke("lost", `of "${key}" ${acknowledged} messages were acknowledged, and ${has} are there`, acknowledged - has)
    }
  }
}

type Handling = Exclude<GroupLine, { readonly finding: string }>

/** What groups handled, by their journals; `found` takes what else they wrote down. */
export async function* handlings(
  files: ReadonlyArray<string>,
  found: (problem: string) => void = () => undefined
): AsyncGenerator<Handling> {
  for (const file of files) {
    for await (const line of lines<GroupLine>(file)) {
      if ("finding" in line) found(line.finding)
      else yield line
    }
  }
}

/** Reads the journals of all groups. */
export const judge = async (
  files: ReadonlyArray<string>,
  known: ReadonlyMap<string, Published>,
  tally: Tally
): Promise<void> => {
  const { add, broke } = tally
  const handled: Array<Handling> = []
  for await (const one of handlings(files, (problem) => broke("failed", problem))) handled.push(one)
  // Two processes may have had the same key, one after the other.
  handled.sort((one, other) => one.at - other.at)
  for (const group of groups) {
    const order = following((key) => `group "${group}", key "${key}"`, tally, "handled")
    for (const { group: of, key, n } of handled) {
      if (of !== group) continue
      if (n >= (known.get(key)?.tried ?? 0)) broke("invented", `group "${group}" handled ${n} of "${key}"`)
      else order.take(key, n, () => add("handledAgain"))
    }
    for (const [key, { acknowledged }] of known) {
      const has = order.next.get(key) ?? 0
      if (has < acknowledged) {
        const problem = `group "${group}" handled ${has} of the ${acknowledged} messages of "${key}"`
        broke("missed", problem, acknowledged - has)
      }
    }
  }
}
