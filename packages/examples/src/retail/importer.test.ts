// The import as a whole: what it leaves in the read models, however often, in whatever pieces, and however it ended.
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Aggregate from "evolvent/Aggregate"
import * as EventFilter from "evolvent/EventFilter"
import { EventStore } from "evolvent/EventStore"
import { describe, expect } from "vitest"
import { Order } from "./domain.ts"
import { file, header, inNewStore, rowsOf } from "./fixtures.ts"
import * as Importer from "./importer.ts"
import { reference, sample } from "./reference.ts"
import * as Report from "./report.ts"
import expectedSample from "./sample-expected.json" with { type: "json" }
import { generate } from "./sample.ts"
import * as Source from "./source.ts"

/** Imports files given as their texts, in one go. */
const importing = (...texts: ReadonlyArray<string>) =>
  Importer.run(texts.map((text, i) => Source.fromText(`${i}.csv`, text)))
const reportAfter = <E, R>(...imports: ReadonlyArray<Effect.Effect<unknown, E, R>>) =>
  Effect.andThen(Effect.all(imports), Report.read).pipe(inNewStore)
const eventsStored = EventStore.use((store) => Stream.runCount(store.read(EventFilter.all())))

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
const Percent = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
const few = { arbitrary: { runs: 15 }, timeout: 60_000 }

describe("import", () => {
  it.live("gives the report that plain loops compute from the rows", () =>
    Effect.gen(function* () {
      const report = yield* reportAfter(importing(generate(sample)))
      expect(report).toEqual(expectedSample)
      expect(Report.toJson(report)).toBe(reference([generate(sample)]))
    })
  )

  it.live.prop(
    "gives it for any sample, with malformed lines in between or without, on one lane or on many",
    { seed: Seed },
    ({ seed }) =>
      Effect.gen(function* () {
        const text = generate({ seed, invoices: 40 })
        const expected = reference([text])
        for (const [malformed, concurrency] of [
          [0, 1],
          [9, 16],
          [9, 3]
        ] as const) {
          const source = Source.fromText("sample.csv", generate({ seed, invoices: 40, malformed }))
          const { report, summary } = yield* Effect.gen(function* () {
            const summary = yield* Importer.run([source], { concurrency })
            return { summary, report: yield* Report.read }
          }).pipe(inNewStore)
          expect(Report.toJson(report)).toBe(expected)
          expect(summary.malformed.length).toBe(malformed)
          const { accepted, known, rejected, rows, skipped } = summary
          expect(accepted + known + rejected + skipped).toBe(rows)
        }
      }),
    few
  )

  it.live.prop(
    "twice is once: nothing is written the second time",
    { seed: Seed },
    ({ seed }) =>
      Effect.gen(function* () {
        const text = generate({ seed, invoices: 30 })
        const first = yield* importing(text)
        const [report, stored] = [yield* Report.read, yield* eventsStored]
        const second = yield* importing(text, text)
        expect(second).toMatchObject({ accepted: 0, rejected: 0, skipped: 0, known: 2 * first.rows })
        expect(yield* eventsStored).toBe(stored)
        expect(yield* Report.read).toEqual(report)
      }).pipe(inNewStore),
    few
  )

  it.live.prop(
    "is the same in any pieces, overlapping too, in one import or in several",
    { seed: Seed, cut: Percent, back: Percent },
    ({ back, cut, seed }) =>
      Effect.gen(function* () {
        // Like rows in two files are one row, so here no two are alike.
        const rows = [...new Set(rowsOf(generate({ seed, invoices: 30 })))]
        const at = Math.round((cut * rows.length) / 100)
        const from = Math.round((back * at) / 100)
        const expected = JSON.parse(reference([file(rows)])) as unknown
        const [head, tail] = [file(rows.slice(0, at)), file(rows.slice(from))]
        expect(yield* reportAfter(importing(head, tail))).toEqual(expected)
        expect(yield* reportAfter(importing(head), importing(tail))).toEqual(expected)
        expect(yield* reportAfter(importing(head), importing(file(rows)), importing(tail))).toEqual(expected)
      }),
    few
  )

  it.live("counts like rows of one file one by one, and the same rows of another file not again", () =>
    Effect.gen(function* () {
      const row = "536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom"
      const { lines } = yield* reportAfter(importing(file([row, row]), file([row])))
      expect(lines.accepted).toBe(2)
    })
  )

  it.live("takes rows of an invoice that stand apart as one invoice, with the head of the first", () =>
    Effect.gen(function* () {
      const row = (no: string, code: string, country: string) =>
        `${no},${code},X,1,2010-12-01 08:26:00,1,17850.0,${country}`
      const text = file([
        row("1", "a", "France"),
        row("2", "a", "Japan"),
        row("1", "b", "Japan"),
        row("2", "b", "Japan")
      ])
      const report = yield* reportAfter(importing(text))
      expect(report.orders).toEqual({ placed: 2, completed: 2, open: 0 })
      expect(report.byCountry).toEqual({ France: 2000, Japan: 2000 })
      expect(Report.toJson(report)).toBe(reference([text]))
    })
  )

  it.live.prop(
    "killed at any write, before or after it, and run again, it is as if nothing had happened",
    { seed: Seed, at: Percent },
    ({ at, seed }) =>
      Effect.gen(function* () {
        const text = generate({ seed, invoices: 30 })
        const expected = JSON.parse(reference([text])) as unknown
        const store = yield* EventStore
        let left = at
        const mortal = EventStore.of({
          ...store,
          append: (...args) => {
            if (left < 0) return Effect.die("killed")
            if (left-- > 0) return store.append(...args)
            return seed % 2 === 0 ? Effect.die("killed") : Effect.andThen(store.append(...args), Effect.die("killed"))
          }
        })
        yield* Effect.exit(Effect.provideService(importing(text), EventStore, mortal))
        yield* importing(text)
        expect(yield* Report.read).toEqual(expected)
      }).pipe(inNewStore),
    { arbitrary: { runs: 30 }, timeout: 60_000 }
  )

  it.live("interrupted from outside, it can be run again", () =>
    Effect.gen(function* () {
      const text = generate(sample)
      const source = Source.fromText("sample.csv", text)
      let seen = 0
      const watcher: Importer.Watcher = { malformed: () => Effect.void, progress: ({ rows }) => void (seen = rows) }
      const killed = Effect.repeat(Effect.sleep("1 millis"), { until: () => seen >= 500 })
      yield* Effect.raceFirst(Importer.run([source], { watcher }), killed)
      const summary = yield* importing(text)
      expect(summary.known).toBeGreaterThanOrEqual(500)
      expect(summary.accepted).toBeGreaterThan(0)
      expect(yield* Report.read).toEqual(expectedSample)
    }).pipe(inNewStore)
  )

  it.live("keeps the rows of an invoice in the order of the file, and one conversation", () =>
    Effect.gen(function* () {
      const codes = ["a", "b", "c", "d"]
      yield* importing(file(codes.map((code) => `536365,${code},X,1,2010-12-01 08:26:00,1,,France`)))
      const store = yield* EventStore
      const events = yield* Stream.runCollect(store.read(EventFilter.category("Order", { types: ["ItemAdded"] })))
      expect(
        events.map(({ data }) => (data as { readonly line: { readonly stockCode: string } }).line.stockCode)
      ).toEqual(codes)
      expect(new Set(events.map(({ metadata }) => metadata.correlationId))).toEqual(new Set(["536365"]))
      const { state } = yield* Aggregate.load(Order, "536365")
      expect(state).toMatchObject({ _tag: "Completed", items: 4, mills: 4000 })
    }).pipe(inNewStore)
  )

  it.live("finds nothing in an empty file and in one that has only a header", () =>
    Effect.gen(function* () {
      for (const text of ["", `${header}\n`, `\uFEFF${header}`]) {
        const summary = yield* importing(text)
        expect(summary).toMatchObject({ rows: 0, malformed: [] })
      }
      expect(yield* eventsStored).toBe(0)
    }).pipe(inNewStore)
  )
})
