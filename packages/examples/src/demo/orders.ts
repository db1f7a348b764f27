// The second half of the demo: invoices become orders, read models catch up with them, and the report is read from those.
import { Effect } from "effect"
import { EventStore, Position, Processor } from "evolvent"
import { importPaths, ReadModels } from "../retail/app.ts"
import * as Importer from "../retail/importer.ts"
import { Totals } from "../retail/projections.ts"
import * as Report from "../retail/report.ts"
import { generate } from "../retail/sample.ts"
import * as Source from "../retail/source.ts"
import { bar, chapter, say, whole } from "./print.ts"

const imported = ({ accepted, files, known, malformed, rejected, rows, skipped }: Importer.Summary): string =>
  [
    `${whole(rows)} rows of ${whole(files)} ${files === 1 ? "file" : "files"}: ${whole(accepted)} accepted`,
    `${whole(rejected)} rejected by the domain, ${whole(skipped)} skipped, ${whole(known)} known before`,
    `${whole(malformed.length)} malformed`
  ].join(", ")

/** Watches one read model go from where it is to the head. */
const catchUp = Effect.gen(function* () {
  const head = yield* EventStore.EventStore.use((store) => store.head)
  const { position: start } = yield* Processor.status(Totals)
  let told: number | undefined
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    yield* Processor.waitFor(Totals, Position.make(start + Math.floor((head - start) * share)))
    // The log goes on: the processors write down in it what they keep.
    const { lag, position: reached } = yield* Processor.status(Totals)
    const position = Math.min(reached, head)
    if (position === told) continue
    told = position
    const behind = lag === undefined ? "up to date" : `at most ${whole(lag.events)} events behind`
    yield* say(`${bar(position / head)}   position ${whole(position)} of ${whole(head)}, ${behind}`)
  }
})

const report = Effect.gen(function* () {
  yield* chapter("The report", "Not computed now: read from the rows that the projections keep.")
  const text = Report.toText(yield* Report.read)
  for (const line of text.trimEnd().split("\n")) yield* say(line)
})

/** Orders from a seed, the same in every run. */
export const sampleOrders = Effect.gen(function* () {
  yield* chapter(
    "4  A shop's invoices",
    "Made from a seed, with the dirt of real ones. Every row is a command on its order."
  )
  const summary = yield* Importer.run([
    Source.fromText("sample.csv", generate({ seed: 7, invoices: 400, malformed: 3 }))
  ])
  yield* say(`${imported(summary)}.`)

  yield* chapter(
    "5  Read models catch up",
    summary.accepted > 0
      ? "They were switched on only now, so they read the log from its beginning."
      : "They kept their rows and their places between the runs, so they read only what is new."
  )
  yield* Effect.andThen(catchUp, report).pipe(Effect.provide(ReadModels))
})

/** Orders from files of invoices. */
export const ordersOf = (paths: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* chapter("Your invoices", "Every row is a command on its order; what its rules refuse is counted by reason.")
    yield* say(`${imported(yield* importPaths(paths))}.`)
    yield* Effect.provide(report, ReadModels)
  })
