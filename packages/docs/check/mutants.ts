// `pnpm mutants [which] [law…]`: the mutants of Memory, or of what is named first: a backend, `core`, `contracts`, or `evolution`.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { open } from "./edits.ts"
import type { Outcome } from "./edits.ts"
import { judgeAll } from "./evolution.ts"
import { root } from "./workspace.ts"

const words = process.argv.slice(2).map((word) => word.toLowerCase())
const [first = "", ...rest] = words

/** Judges the mutants of a package by its own tests, of all items or of those that are named. */
const judgeEdits = async (name: string, named: ReadonlyArray<string>): Promise<boolean> => {
  using lanes = await open(name)
  const print = ({ breaks, item, noticedBy }: Outcome): void => {
    const verdict = noticedBy === undefined ? "SURVIVED" : "caught"
    console.log(`${item.padEnd(10)} ${verdict.padEnd(9)} ${breaks}${noticedBy === undefined ? "" : ` (${noticedBy})`}`)
  }
  const isAsked = (item: string) => named.length === 0 || named.some((word) => item.startsWith(word))
  const { outcomes, problems } = await lanes.judge(isAsked, print)
  for (const problem of problems) console.log(`\n${problem}`)
  const caught = outcomes.filter(({ noticedBy }) => noticedBy !== undefined).length
  console.log(`\nmutants: ${caught} of ${outcomes.length} caught, ${problems.length} problems`)
  return outcomes.length > 0 && caught === outcomes.length && problems.length === 0
}

const handOver = (folder: string, words: ReadonlyArray<string>): boolean => {
  const main = join(root, `packages/${folder}/mutants/main.ts`)
  return spawnSync(process.execPath, [main, ...words], { stdio: "inherit" }).status === 0
}

const judgeNamed = async (): Promise<boolean> => {
  switch (first) {
    case "evolution":
      return judgeAll()
    case "core":
      return judgeEdits("core", rest)
    case "contracts":
      return judgeEdits("testing", [])
    case "postgres":
    case "nats":
      return handOver(first, rest)
    default:
      return handOver("testing", words)
  }
}

process.exitCode = (await judgeNamed()) ? 0 : 1
