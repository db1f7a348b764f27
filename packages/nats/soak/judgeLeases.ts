// judgeLeases: no step of a checkpoint twice, none left out, and none by a lease after a later one had made a step.
import { lines, type LeaseLine } from "./journal.ts"
import { names } from "./leases.ts"
import type { Tally } from "./tally.ts"

/** Reads the journals of all holders; `positions` are where the checkpoints stand in the end. */
export const judge = async (
  files: ReadonlyArray<string>,
  positions: Readonly<Record<string, number>>,
  { add, broke }: Tally
): Promise<void> => {
  const made = new Map<string, Map<number, number>>(names.map((name) => [name, new Map()]))
  const tried = new Map<string, Set<number>>(names.map((name) => [name, new Set()]))
  for (const file of files) {
    for await (const line of lines<LeaseLine>(file)) {
      if ("finding" in line) {
        broke("failed", `leases: ${line.finding}`)
        continue
      }
      const { k, name, to, token } = line
      if (k === "try") {
        tried.get(name)?.add(to)
        continue
      }
      const steps = made.get(name)
      if (steps?.has(to))
        broke("stolen", `${name} was moved to ${to} by two, with tokens ${steps.get(to)} and ${token}`)
      steps?.set(to, token)
      add("commits")
    }
  }
  for (const name of names) {
    const end = positions[name] ?? 0
    let held = 0
    for (let to = 1; to <= end; to++) {
      const token = made.get(name)?.get(to)
      if (token === undefined) {
        if (tried.get(name)?.has(to) !== true)
          broke("unasked", `${name} stands at ${end}, but nobody moved it to ${to}`)
        continue
      }
      if (token < held) broke("stolen", `${name} was moved to ${to} with token ${token}, after ${held} had moved it`)
      if (token > held) add("takeovers")
      held = Math.max(held, token)
    }
    const last = Math.max(0, ...(made.get(name)?.keys() ?? []))
    if (last > end) broke("lost", `${name} stands at ${end}, but a move to ${last} was acknowledged`, last - end)
  }
}
