// The import: every row becomes a command on the order or credit note it belongs to, many invoices at a time.
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import { EventStoreError } from "evolvent/EventStoreError"
import * as Memory from "evolvent/Memory"
import * as Metadata from "evolvent/Metadata"
import * as SnapshotStore from "evolvent/SnapshotStore"
import * as StreamName from "evolvent/StreamName"
import * as Csv from "./csv.ts"
import { CreditNote, Import, Order } from "./domain.ts"
import type { Invoice } from "./domain.ts"
import * as Row from "./row.ts"
import type { Source } from "./source.ts"

/** A line that could not be read as a row. */
export interface Malformed {
  readonly file: string
  readonly line: number
  readonly problem: string
}

/** What an import did. `known` counts the rows that an earlier import, or another file of this one, had brought already. */
export interface Summary {
  readonly files: number
  readonly rows: number
  readonly accepted: number
  readonly rejected: number
  readonly skipped: number
  readonly known: number
  readonly malformed: ReadonlyArray<Malformed>
}

/** Whoever wants to know how far the import is; `done` is the share of the bytes, from 0 to 1. */
export interface Watcher {
  readonly malformed: (one: Malformed) => Effect.Effect<void>
  readonly progress: (progress: { readonly done: number; readonly rows: number; readonly invoices: number }) => void
}

export interface ImportOptions {
  /** How many invoices are worked on at a time. */
  readonly concurrency?: number
  readonly watcher?: Watcher
}

/** Adjacent rows of one invoice. Rows of an invoice that stand apart come as several pages of it. */
interface Page {
  readonly invoiceNo: string
  readonly rows: Array<Row.Row>
  size: number
}

/**
 * Keeps states at hand while importing: an invoice has hundreds of rows at times, each row is a command, and without it
 * each would load all before it. They are a cache of this process, so memory is the place for them, and one a command is
 * cheap: a store whose events have to be asked for one by one is asked for the last one only.
 */
export const Snapshots = Layer.merge(
  SnapshotStore.layerPolicy({ every: 1 }),
  Layer.provide(Layer.effect(SnapshotStore.SnapshotStore, SnapshotStore.SnapshotStore), Memory.layer)
)

// A page is cut after so many rows, so that a file of one endless invoice needs no more room than others.
const longestPage = 1000

/**
 * Imports invoices. Whatever was imported before, in whatever files, changes nothing.
 *
 * - A row is known by what it says and by how often its file says so (`Row.id`), which is the id of its command: the
 *   same row in another file, or after a kill, is the same command.
 * - Rows of one invoice go in the order of the files; invoices side by side, each on one of `concurrency` lanes.
 * - A rejection is not remembered by the aggregate, so it is recorded on the invoice's import, under the row's id.
 */
export const run = Effect.fn("Importer.run")(function* (sources: ReadonlyArray<Source>, options: ImportOptions = {}) {
  const { concurrency = 64, watcher } = options
  const malformed: Array<Malformed> = []
  const counts = { rows: 0, accepted: 0, rejected: 0, skipped: 0, known: 0 }
  const bytes = sources.reduce((sum, { size }) => sum + size, 0)
  let [done, invoices] = [0, 0]
  const progress = (share: number) => watcher?.progress({ done: share, rows: counts.rows, invoices })

  const report = (one: Malformed) => {
    malformed.push(one)
    return watcher === undefined ? Effect.void : watcher.malformed(one)
  }
  const work = Effect.fnUntraced(function* (page: Page) {
    for (const outcome of yield* importPage(page)) {
      counts.rows += 1
      counts[outcome] += 1
    }
    done += page.size
    invoices += 1
    progress(Math.min(1, done / bytes))
  })

  // One invoice is always on the same lane, so its pages follow each other even where they stand apart.
  const lanes = yield* Effect.forEach(Array.from({ length: concurrency }), () => Queue.bounded<Page, Cause.Done>(4))
  const offer = (page: Page) => Queue.offer(lanes[laneOf(page.invoiceNo, lanes.length)] as (typeof lanes)[number], page)
  const read = Effect.forEach(sources, (source) => readPages(source, report, offer), { discard: true })
  const close = Effect.forEach(lanes, Queue.end, { discard: true })
  const works = lanes.map((lane) => Stream.runForEach(Stream.fromQueue(lane), work))
  yield* Effect.all([Effect.andThen(read, close), ...works], { concurrency: "unbounded", discard: true })
  progress(1)
  const summary: Summary = { files: sources.length, ...counts, malformed }
  return summary
})

const laneOf = (invoiceNo: string, lanes: number): number => {
  let hash = 0
  for (let i = 0; i < invoiceNo.length; i++) hash = (hash * 31 + invoiceNo.charCodeAt(i)) >>> 0
  return hash % lanes
}

/** Reads a file as pages of adjacent rows; lines that are no rows are reported, and reading goes on. */
const readPages = <E, R>(
  source: Source,
  report: (malformed: Malformed) => Effect.Effect<void>,
  offer: (page: Page) => Effect.Effect<unknown, E, R>
) =>
  Effect.suspend(() => {
    const parser = Csv.make()
    let reader: Row.RowReader | undefined
    let page: Page | undefined

    const take = (records: ReadonlyArray<Csv.CsvRecord>) => {
      const pages: Array<Page> = []
      const malformed: Array<Malformed> = []
      for (const record of records) {
        const row = readRecord(record)
        if (row === undefined) continue
        if (Result.isFailure(row)) {
          malformed.push({ file: source.name, line: record.line, problem: row.failure })
          continue
        }
        const { invoiceNo } = row.success
        if (page === undefined || page.invoiceNo !== invoiceNo || page.rows.length >= longestPage) {
          if (page !== undefined) pages.push(page)
          page = { invoiceNo, rows: [], size: 0 }
        }
        page.rows.push(row.success)
        page.size += record.size
      }
      return Effect.andThen(
        Effect.forEach(malformed, report, { discard: true }),
        Effect.forEach(pages, offer, { discard: true })
      )
    }

    /** The row of a record; undefined for the header. */
    const readRecord = (record: Csv.CsvRecord): Result.Result<Row.Row, string> | undefined => {
      if (record._tag === "Broken") return Result.fail(record.problem)
      if (reader !== undefined) return reader(record.fields)
      const made = Row.reader(record.fields)
      if (Result.isFailure(made)) return Result.fail(made.failure)
      reader = made.success
      return undefined
    }

    return source.text.pipe(
      Stream.map(parser.push),
      Stream.concat(Stream.sync(parser.end)),
      Stream.runForEach(take),
      Effect.andThen(Effect.suspend(() => (page === undefined ? Effect.void : offer(page))))
    )
  })

type Outcome = "accepted" | "rejected" | "skipped" | "known"

const importPage = ({ invoiceNo, rows }: Page) => {
  const [first] = rows
  if (first === undefined) return Effect.succeed<ReadonlyArray<Outcome>>([])
  return outcomesOf(invoiceNo, first, rows).pipe(Metadata.provide({ correlationId: invoiceNo }))
}

const outcomesOf = Effect.fnUntraced(function* (id: string, first: Row.Row, rows: ReadonlyArray<Row.Row>) {
  switch (first.kind) {
    case "order":
      return yield* importOrder(id, first.invoice, rows)
    case "creditNote":
      return yield* importCreditNote(id, first.invoice, rows)
    case "adjustment":
      return yield* skip(id, rows)
  }
})

const importOrder = Effect.fnUntraced(function* (id: string, invoice: Invoice, rows: ReadonlyArray<Row.Row>) {
  const known = yield* commandsOf(Order.name, id)
  yield* patiently(Aggregate.execute(Order, id, { _tag: "Place", invoice }))
  const outcomes = yield* Effect.forEach(rows, (row) =>
    known.has(row.id)
      ? Effect.succeed<Outcome>("known")
      : patiently(Aggregate.execute(Order, id, { _tag: "AddItem", line: row.line }, { commandId: row.id })).pipe(
          Effect.map(accepted),
          Effect.catchTag(["QuantityNotPositive", "PriceNegative", "AmountNotExact"], ({ _tag }) =>
            reject(row, "order", _tag)
          )
        )
  )
  yield* patiently(Aggregate.execute(Order, id, { _tag: "Complete" })).pipe(
    Effect.catchTag("NothingOrdered", () => Effect.void)
  )
  return outcomes
})

const importCreditNote = Effect.fnUntraced(function* (id: string, invoice: Invoice, rows: ReadonlyArray<Row.Row>) {
  const known = yield* commandsOf(CreditNote.name, id)
  yield* patiently(Aggregate.execute(CreditNote, id, { _tag: "Issue", invoice }))
  return yield* Effect.forEach(rows, (row) =>
    known.has(row.id)
      ? Effect.succeed<Outcome>("known")
      : patiently(Aggregate.execute(CreditNote, id, { _tag: "AddLine", line: row.line }, { commandId: row.id })).pipe(
          Effect.map(accepted),
          Effect.catchTag(["QuantityNotPositive", "AmountNotExact"], ({ _tag }) => reject(row, "creditNote", _tag))
        )
  )
})

/**
 * The ids of the commands that a stream holds the events of.
 *
 * One read for all rows of an invoice: an import of what is there already is over as fast as it can be read. A row that
 * is missed here is no harm, since its command is recognised when it is executed.
 */
const commandsOf = (category: string, id: string) =>
  EventStore.use((store) => {
    const stream = StreamName.fromParts(category, id)
    // A number that cannot be a stream's name is refused by the command, which says why.
    if (Result.isFailure(stream)) return Effect.succeed(new Set<string>())
    return store.read(EventFilter.stream(stream.success)).pipe(
      Stream.runFold(
        () => new Set<string>(),
        (known, { metadata }) => (metadata.commandId === undefined ? known : known.add(metadata.commandId))
      ),
      patiently
    )
  })

const skip = Effect.fnUntraced(function* (id: string, rows: ReadonlyArray<Row.Row>) {
  const { events } = yield* patiently(Aggregate.execute(Import, id, { _tag: "Skip", reason: "Adjustment" }))
  return rows.map((): Outcome => (events.length === 0 ? "known" : "skipped"))
})

const accepted = ({ repeated }: { readonly repeated: boolean }): Outcome => (repeated ? "known" : "accepted")

/** Records a rejection once: the row decides alike whenever it comes, and its id is the command's. */
const reject = ({ id, invoiceNo, line }: Row.Row, kind: "order" | "creditNote", reason: string) =>
  patiently(Aggregate.execute(Import, invoiceNo, { _tag: "RejectRow", kind, reason, line }, { commandId: id })).pipe(
    Effect.map(({ repeated }): Outcome => (repeated ? "known" : "rejected"))
  )

/** Waits for an event store that is away for a while; with its id a command may be sent again. */
const patiently = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => error instanceof EventStoreError && error.isRetryable,
    schedule: Schedule.max([Schedule.jittered(Schedule.exponential("100 millis")), Schedule.recurs(8)])
  })
