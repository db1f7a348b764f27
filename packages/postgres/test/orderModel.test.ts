// The append floor as a model: every interleaving of writers, a reader and a crash, and the ways to break it.
import { describe, expect, it } from "vitest"

/** What is broken, if anything. */
type Break = "swap" | "late" | "onesnap" | "ceiling"

/** A transaction: how many events its appends draw, one append after the other, and whether it commits. */
interface Transaction {
  readonly appends: ReadonlyArray<number>
  readonly commits: boolean
}

/** A writer's state: how far it is, the floor it has read but not yet locked, its locks, and what it drew. */
interface Writer {
  readonly step: number
  readonly floor: number
  readonly locks: ReadonlyArray<number>
  readonly drawn: ReadonlyArray<number>
}

/** The reader's state: what it has read in this look, how far it has passed, and what it has seen. */
interface Reader {
  readonly phase: 0 | 1 | 2
  readonly last: number
  readonly lowest: number
  readonly snapshot: ReadonlyArray<number>
  readonly passed: number
  readonly seen: ReadonlyArray<number>
}

interface State {
  /** The last position allocated, and the last that would survive a crash. */
  readonly last: number
  readonly flushed: number
  readonly visible: ReadonlyArray<number>
  readonly writers: ReadonlyArray<Writer>
  readonly reader: Reader
  readonly crashes: number
}

type Step = "floor" | "lock" | "draw" | "commit" | "unlock"

const stepsOf = ({ appends }: Transaction, broken: Break | undefined): ReadonlyArray<Step> => [
  ...appends.flatMap((count): ReadonlyArray<Step> => {
    const draws = Array.from({ length: count }, (): Step => "draw")
    return broken === "late" ? [...draws, "floor", "lock"] : ["floor", "lock", ...draws]
  }),
  "commit",
  "unlock"
]

const none = Number.POSITIVE_INFINITY

/** Writes one step further. The rows become visible before the locks go, as PostgreSQL does it. */
const write = (state: State, i: number, step: Step, { commits }: Transaction): State => {
  const writer = state.writers[i] as Writer
  const goes = (change: Partial<Writer>, rest: Partial<State> = {}): State => ({
    ...state,
    ...rest,
    writers: state.writers.map((one, j) => (i === j ? { ...writer, step: writer.step + 1, ...change } : one))
  })
  switch (step) {
    case "floor":
      return goes({ floor: state.last })
    case "lock":
      return goes({ locks: [...writer.locks, writer.floor] })
    case "draw":
      return goes({ drawn: [...writer.drawn, state.last + 1] }, { last: state.last + 1 })
    case "commit":
      // A commit flushes what was logged before it: its own draws, and everybody's before those.
      return commits
        ? goes(
            {},
            {
              visible: [...state.visible, ...writer.drawn].toSorted((a, b) => a - b),
              flushed: Math.max(state.flushed, ...writer.drawn)
            }
          )
        : goes({})
    case "unlock":
      return goes({ locks: [] })
  }
}

/** Reads one step further: the last position, the locks, the rows, each as it is at that moment. */
const read = (state: State, broken: Break | undefined): State => {
  const { reader, visible } = state
  const lowest = Math.min(none, ...state.writers.flatMap(({ locks }) => locks))
  const locksFirst = broken === "swap"
  if (reader.phase === 0) {
    const first = locksFirst ? { lowest } : { last: state.last }
    return { ...state, reader: { ...reader, ...first, phase: 1, snapshot: visible } }
  }
  if (reader.phase === 1) {
    const second = locksFirst ? { last: state.last } : { lowest }
    return { ...state, reader: { ...reader, ...second, phase: 2 } }
  }
  const ceiling = Math.min(reader.last, reader.lowest)
  const rows = (broken === "onesnap" ? reader.snapshot : visible).filter((position) => position <= ceiling)
  const passed = Math.max(reader.passed, broken === "ceiling" ? ceiling : (rows.at(-1) ?? 0))
  const seen = [...reader.seen, ...rows.filter((position) => position > reader.passed)]
  return { ...state, reader: { phase: 0, last: 0, lowest: 0, snapshot: [], passed, seen } }
}

/** The server dies: what was not flushed is forgotten, and drawn again. The reader lives on; its look fails. */
const crash = (state: State, steps: ReadonlyArray<ReadonlyArray<Step>>): State => ({
  ...state,
  last: state.flushed,
  crashes: state.crashes + 1,
  writers: state.writers.map((writer, i) => {
    const all = steps[i] ?? []
    const isOver = writer.step > all.indexOf("commit")
    // Who had not committed begins again.
    return isOver ? { ...writer, step: all.length, locks: [] } : { step: 0, floor: 0, locks: [], drawn: [] }
  }),
  reader: { ...state.reader, phase: 0, last: 0, lowest: 0, snapshot: [] }
})

interface Explored {
  readonly states: number
  /** The steps that lead to an event that the reader has passed and not seen. */
  readonly missed: ReadonlyArray<string> | undefined
}

/** Goes through every state that can be reached. */
const explore = (
  transactions: ReadonlyArray<Transaction>,
  { broken, crashes = 0 }: { readonly broken?: Break; readonly crashes?: number } = {}
): Explored => {
  const steps = transactions.map((transaction) => stepsOf(transaction, broken))
  const first: State = {
    last: 0,
    flushed: 0,
    visible: [],
    writers: transactions.map(() => ({ step: 0, floor: 0, locks: [], drawn: [] })),
    reader: { phase: 0, last: 0, lowest: 0, snapshot: [], passed: 0, seen: [] },
    crashes: 0
  }
  // A state, how it came about, and the one before it.
  interface Visit {
    readonly state: State
    readonly by: string
    readonly from: Visit | undefined
  }
  const known = new Set([JSON.stringify(first)])
  const open: Array<Visit> = [{ state: first, by: "", from: undefined }]
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    const { state } = visit
    const seen = new Set(state.reader.seen)
    if (state.visible.some((position) => position <= state.reader.passed && !seen.has(position))) {
      const path: Array<string> = []
      for (let one: Visit | undefined = visit; one?.from !== undefined; one = one.from) path.unshift(one.by)
      return { states: known.size, missed: path }
    }
    const go = (next: State, by: string): void => {
      const key = JSON.stringify(next)
      if (known.has(key)) return
      known.add(key)
      open.push({ state: next, by, from: visit })
    }
    state.writers.forEach(({ step }, i) => {
      const what = steps[i]?.[step]
      const transaction = transactions[i]
      if (what !== undefined && transaction !== undefined)
        go(write(state, i, what, transaction), `writer ${i + 1}: ${what}`)
    })
    go(read(state, broken), `reader: ${["first", "second", "rows"][state.reader.phase]}`)
    if (state.crashes < crashes) go(crash(state, steps), "crash")
  }
  return { states: known.size, missed: undefined }
}

const commits = (...appends: ReadonlyArray<number>): Transaction => ({ appends, commits: true })
const rollsBack = (...appends: ReadonlyArray<number>): Transaction => ({ appends, commits: false })

const plans: ReadonlyArray<readonly [name: string, transactions: ReadonlyArray<Transaction>, crashes: number]> = [
  ["three writers", [commits(1), commits(1), commits(1)], 0],
  ["two appends in one transaction, one of two events", [commits(1, 1), commits(2)], 0],
  ["a rollback between two commits", [commits(1), rollsBack(1), commits(1)], 0],
  ["two writers and a crash", [commits(1), commits(1)], 1],
  ["a rollback, a writer of two events, and a crash", [rollsBack(2), commits(2)], 1],
  ["two writers and two crashes", [commits(1), commits(1)], 2]
]

describe("the append floor", () => {
  it.each(plans)("holds in every interleaving of %s", (_, transactions, crashes) => {
    const { missed, states } = explore(transactions, { crashes })
    expect(missed).toBeUndefined()
    expect(states).toBeGreaterThan(500)
  })

  it.each([
    ["the locks are read before the last position", "swap"],
    ["the floor is taken after the draw", "late"],
    ["rows are read in the snapshot of the first step", "onesnap"]
  ] as const)("misses events where %s", (_, broken) => {
    expect(explore([commits(1), commits(1)], { broken }).missed).toBeDefined()
  })

  it("misses events behind a crash where the reader goes to the ceiling, and only there", () => {
    const transactions = [rollsBack(1), commits(1)]
    expect(explore(transactions, { broken: "ceiling" }).missed).toBeUndefined()
    expect(explore(transactions, { broken: "ceiling", crashes: 1 }).missed).toContain("crash")
    expect(explore(transactions, { crashes: 1 }).missed).toBeUndefined()
  })
})
