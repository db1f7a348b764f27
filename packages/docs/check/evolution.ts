// evolution: what keeps a store usable for years, item by item, each broken in several ways and with what noticed it.
import * as Schema from "effect/Schema"
import { open } from "./edits.ts"
import type { Judged, Lanes, Outcome } from "./edits.ts"
import { root } from "./workspace.ts"
import { spawn } from "node:child_process"
import { join } from "node:path"

/** An item, the laws that are about it, and the items of the packages' own mutants. */
interface Item {
  readonly title: string
  /** As `pnpm mutants` takes them: suites, each with numbers. */
  readonly laws: ReadonlyArray<string>
  readonly edits: ReadonlyArray<string>
}

const items: ReadonlyArray<Item> = [
  { title: "Versions and upcasting", laws: ["Aggregate 25", "Aggregate 26", "Processor 18"], edits: ["versions"] },
  { title: "Contracts", laws: [], edits: ["contracts"] },
  {
    title: "Snapshots",
    laws: ["Aggregate 22", "Aggregate 23", "Aggregate 24", "Aggregate 27", "Aggregate 28", "SnapshotStore"],
    edits: ["snapshots"]
  },
  {
    title: "Recent-state cache (states, rows)",
    laws: ["Aggregate 29", "Aggregate 30", "Aggregate 31", "Aggregate 32", "Processor 17.13"],
    edits: ["states", "rows"]
  },
  { title: "Time travel and audit", laws: ["Aggregate 19", "Aggregate 20", "Audit"], edits: ["audit"] },
  {
    title: "Observability",
    laws: ["EventStore 14", "Processor 12.13", "Processor 12.14", "Relay 11"],
    edits: ["metrics", "traces"]
  },
  {
    title: "Housekeeping: archive, removal, restore, export and import",
    laws: ["EventStore 12", "EventStore 13", "Archive"],
    edits: ["archives", "copies"]
  }
]

const Laws = Schema.fromJsonString(
  Schema.Struct({
    outcomes: Schema.Array(
      Schema.Struct({ law: Schema.String, says: Schema.String, breaks: Schema.String, caught: Schema.Boolean })
    ),
    problems: Schema.Array(Schema.String)
  })
)

/** The mutants of Memory for some laws, each of which has to have one. */
const ofLaws = async (laws: ReadonlyArray<string>): Promise<Judged> => {
  if (laws.length === 0) return { outcomes: [], problems: [] }
  const words = laws.flatMap((law) => law.split(" "))
  const { outcomes, problems } = Schema.decodeUnknownSync(Laws)(await jsonOf(words))
  const isOf = (law: string) => (found: string) =>
    found === law || found.startsWith(`${law}.`) || (!law.includes(" ") && found.startsWith(`${law} `))
  return {
    outcomes: outcomes.map(({ breaks, caught, says }) => ({
      item: "law",
      breaks,
      noticedBy: caught ? says : undefined
    })),
    problems: [
      ...problems,
      ...laws
        .filter((law) => !outcomes.some((one) => isOf(law)(one.law)))
        .map((law) => `no mutant was judged by ${law}`)
    ]
  }
}

// What the mutants log is nothing to a reader of this.
const jsonOf = (words: ReadonlyArray<string>): Promise<string> =>
  new Promise((done, failed) => {
    const main = join(root, "packages/testing/mutants/main.ts")
    const child = spawn(process.execPath, [main, "--brief", "--json", ...words], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.on("error", failed)
    child.on("close", () => done(output.trimEnd().split("\n").at(-1) ?? ""))
  })

const print = ({ breaks, noticedBy }: Outcome): void =>
  console.log(`  ${(noticedBy === undefined ? "SURVIVED" : "caught").padEnd(9)} ${breaks}${by(noticedBy)}`)

const by = (noticedBy: string | undefined): string => (noticedBy === undefined ? "" : `\n${" ".repeat(14)}${noticedBy}`)

/** Judges all items, and prints each when it is through; gives whether nothing survived. */
export const judgeAll = async (): Promise<boolean> => {
  const begin = performance.now()
  const all: Array<Judged> = []
  using core = await open("core")
  using testing = await open("testing")
  const lanes: ReadonlyArray<Lanes> = [core, testing]
  for (const { edits, laws, title } of items) {
    console.log(`\n${title}`)
    const judged = [await ofLaws(laws)]
    judged.flatMap(({ outcomes }) => outcomes).forEach(print)
    for (const { judge } of lanes) judged.push(await judge((item) => edits.includes(item), print))
    const outcomes = judged.flatMap((one) => one.outcomes)
    const survived = outcomes.filter(({ noticedBy }) => noticedBy === undefined)
    const missing = edits.filter((edit) => !outcomes.some(({ item }) => item === edit))
    const problems = [
      ...judged.flatMap((one) => one.problems),
      ...survived.map(({ breaks }) => `${breaks}: it survived`),
      ...missing.map((edit) => `nothing of ${edit} was judged`)
    ]
    for (const problem of problems) console.log(`  ! ${problem}`)
    all.push({ outcomes, problems })
  }
  const outcomes = all.flatMap((one) => one.outcomes)
  const problems = all.flatMap((one) => one.problems)
  const caught = outcomes.filter(({ noticedBy }) => noticedBy !== undefined).length
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  console.log(
    `\nmutants: ${caught} of ${outcomes.length} caught in ${items.length} items, ${problems.length} problems, in ${seconds} s`
  )
  return problems.length === 0
}
