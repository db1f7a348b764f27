// The retail example as a program: import invoices, read the report. Where it keeps them is a Layer that it is given.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Argument from "effect/cli/Argument"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { EventStore } from "evolvent/EventStore"
import type { Services } from "evolvent/Memory"
import * as Position from "evolvent/Position"
import * as Processor from "evolvent/Processor"
import * as Storage from "../storage.ts"
import * as Exporting from "./exporting.ts"
import * as Importer from "./importer.ts"
import type { Summary } from "./importer.ts"
import * as Progress from "./progress.ts"
import { Countries, Customers, Months, Rejections, Skips, Totals } from "./projections.ts"
import * as Report from "./report.ts"
import * as Source from "./source.ts"

/**
 * Keeps the read models, as long as it lives; over whatever event store there is.
 *
 * The import goes without: read models that follow it live write their rows hundreds of times a second, and cost as much
 * as the import. Whoever asks for the report catches up with what is new, in large steps.
 */
const readModels = (options: { readonly partitions?: number }) =>
  Layer.mergeAll(
    Processor.layer(Processor.projection(Totals), options),
    Processor.layer(Processor.projection(Rejections), options),
    Processor.layer(Processor.projection(Skips), options),
    Processor.layer(Processor.projection(Customers), options),
    Processor.layer(Processor.projection(Countries), options),
    Processor.layer(Processor.projection(Months), options)
  )

/** The same, each of them by one runner at a time. */
export const ReadModels = readModels({})

/** Rebuilds all read models, one after the other, beside what they hold now, and tells how far that is. */
export const rebuilding = (options: { readonly partitions?: number }) => {
  const rebuilds = [
    Processor.rebuild(Totals, options),
    Processor.rebuild(Rejections, options),
    Processor.rebuild(Skips, options),
    Processor.rebuild(Customers, options),
    Processor.rebuild(Countries, options),
    Processor.rebuild(Months, options)
  ]
  const names = [Totals, Rejections, Skips, Customers, Countries, Months].map(({ name }) => name)
  return Stream.fromIterable(rebuilds.entries()).pipe(
    Stream.flatMap(([place, rebuild]) =>
      Stream.map(rebuild, (progress) => ({ name: names[place] ?? "", place, of: rebuilds.length, progress }))
    )
  )
}

/** Imports files and folders, and shows on standard error how far it is. */
export const importPaths = Effect.fnUntraced(function* (
  paths: ReadonlyArray<string>,
  options?: { readonly concurrency?: number }
) {
  const sources = yield* Source.fromPaths(paths)
  return yield* Progress.show((watcher) => Importer.run(sources, { ...options, watcher }))
})

/** There are rows, but all of them are malformed: these are other files than the import is for. */
class NothingReadable extends Schema.TaggedError<NothingReadable>()("NothingReadable", {}) {
  override readonly message =
    "Not one row could be read, so nothing was imported. Dates look like 2010-12-01 08:26:00 and prices like 2.55."
}

const json = Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))

const partitions = Flag.Int("partitions").pipe(
  Flag.withDescription("Into how many parts the work on each read model is divided"),
  Flag.withDefault(1),
  Flag.filter(
    (parts) => parts >= 1 && parts <= 16,
    (parts) => `${parts} is not between 1 and 16`
  )
)

const importCommand = Command.make(
  "import",
  {
    paths: Argument.String("path").pipe(
      Argument.withDescription("A CSV file of invoices, or a folder of them"),
      Argument.atLeast(1)
    ),
    report: Flag.Boolean("report").pipe(Flag.withDescription("Print the report afterwards"), Flag.withDefault(false)),
    json,
    fresh: Storage.flags.fresh,
    partitions,
    concurrency: Flag.Int("concurrency").pipe(
      Flag.withDescription("How many invoices are worked on at a time"),
      Flag.withDefault(64),
      Flag.filter(
        (lanes) => lanes >= 1 && lanes <= 1000,
        (lanes) => `${lanes} is not between 1 and 1000`
      )
    )
  },
  Effect.fnUntraced(
    function* ({ concurrency, json, partitions, paths, report }) {
      const summary = yield* importPaths(paths, { concurrency })
      if (json && !report) return yield* Progress.toStdout(`${JSON.stringify(summary, null, 1)}\n`)
      yield* (json ? Progress.toStderr : Progress.toStdout)(`${inWords(summary)}\n`)
      if (report) yield* printReport(json, { partitions })
      if (summary.rows === 0 && summary.malformed.length > 0) return yield* new NothingReadable()
    },
    (effect) => Effect.mapError(effect, forPeople)
  )
).pipe(
  Command.withDescription(
    "Import invoices, one command a row. Importing a row again changes nothing. Rows that cannot be read are named on " +
      "standard error and left out. What is imported stays until --fresh, and further files add to it. Exit code 1: not " +
      "one row could be read, or the storage cannot be used. Exit code 2: files are missing or unreadable, and nothing " +
      "was imported."
  )
)

const reportCommand = Command.make(
  "report",
  { json, partitions },
  Effect.fnUntraced(
    function* ({ json, partitions }) {
      const head = yield* EventStore.use((store) => store.head)
      if (head === Position.beginning) {
        yield* Progress.toStderr(
          "The event store is empty, and so is the report: `retail import <path>` fills it. With --store memory it ends with the command: `retail import <path> --report` does both.\n"
        )
      }
      yield* printReport(json, { partitions })
    },
    (effect) => Effect.mapError(effect, forPeople)
  )
).pipe(Command.withDescription("Print the report of everything imported"))

const rebuildCommand = Command.make(
  "rebuild",
  { json, partitions },
  Effect.fnUntraced(
    function* ({ json, partitions }) {
      yield* Progress.showRebuild(rebuilding({ partitions }))
      yield* printReport(json, { partitions })
    },
    (effect) => Effect.mapError(effect, forPeople)
  )
).pipe(
  Command.withDescription(
    "Make all read models anew from the events, beside those that are read meanwhile, and print the report. Interrupted, " +
      "it goes on from there when it is called again."
  )
)

/** What a copy made, and the report of where it went. */
const tell = (json: boolean, { digest, equal, events, to }: Exporting.Copied) =>
  Progress.toStdout(
    json
      ? `${JSON.stringify({ events, digest, to, equal })}\n`
      : `${events.toLocaleString("en-GB")} events are in ${to}, with the hash ${digest}\n`
  ).pipe(Effect.andThen(equal ? Effect.void : Effect.fail(new NotEqual({ to }))))

/** Somebody has written to one of the two while they were compared. */
class NotEqual extends Schema.TaggedError<NotEqual>()("NotEqual", { to: Schema.String }) {
  override get message(): string {
    return `What was read and what is in ${this.to} have other hashes: somebody has appended meanwhile. Run it again when nobody does.`
  }
}

type MakeStorage<E> = (choice: Storage.Choice) => Layer.Layer<Services, E>

const exportCommand = <E extends Error>(storage: MakeStorage<E>) =>
  Command.make(
    "export",
    {
      to: Flag.String("to").pipe(
        Flag.withDescription("Where to: postgres, nats or memory for that store; anything else is a folder")
      ),
      toDataDir: Flag.Path("to-data-dir").pipe(
        Flag.withDescription("As --data-dir, for the store that is copied to"),
        Flag.withDefault(undefined)
      ),
      report: Flag.Boolean("report").pipe(
        Flag.withDescription("Print the report of the store that was copied to"),
        Flag.withDefault(false)
      ),
      json,
      partitions
    },
    Effect.fnUntraced(
      function* ({ json, partitions, report, to, toDataDir }) {
        if (!Exporting.isStore(to)) return yield* tell(json, yield* Exporting.intoFolder(to))
        const target = storage({ store: to, dataDir: toDataDir })
        const { copied, look } = yield* Exporting.intoStore(to, target, printReport(json, { partitions }))
        yield* tell(json, copied)
        if (report) yield* look
      },
      (effect) => Effect.scoped(Effect.mapError(effect, forPeople))
    )
  ).pipe(
    Command.withDescription(
      "Copy all events into another store or into a folder of compressed files, read the copy back, and print how many " +
        "there are and their hash. Interrupted, it goes on from there when it is called again. Exit code 1: the other " +
        "store holds other events, or a storage cannot be used. Exit code 2: the folder cannot be used."
    )
  )

const restoreCommand = Command.make(
  "restore",
  { folder: Argument.String("folder").pipe(Argument.withDescription("A folder that `retail export` wrote")), json },
  Effect.fnUntraced(
    function* ({ folder, json }) {
      yield* tell(json, yield* Exporting.fromFolder(folder))
    },
    (effect) => Effect.mapError(effect, forPeople)
  )
).pipe(
  Command.withDescription(
    "Copy a folder of events into the store, which must be empty, or hold a part of this very copy. Exit code 1: it holds " +
      "other events. Exit code 2: the folder is no archive, or is damaged; nothing of a damaged part was read."
  )
)

const root = Command.make("retail").pipe(
  Command.withDescription("A shop's invoices, imported as events and read as a report"),
  Command.withSharedFlags({ store: Storage.flags.store, dataDir: Storage.flags.dataDir })
)

/** The command line; it works on the storage that is made of what its flags say. */
export const retail = <E extends Error>(storage: MakeStorage<E>) => {
  // Made only when there is something to do: a question for help starts no server.
  const at = (fresh: boolean) => Layer.unwrap(Effect.map(root, (choice) => storage({ ...choice, fresh })))
  const importing = Command.provide(importCommand, ({ fresh }) => Layer.provideMerge(Importer.Snapshots, at(fresh)))
  const others = [
    Command.provide(reportCommand, at(false)),
    Command.provide(rebuildCommand, at(false)),
    Command.provide(exportCommand(storage), at(false)),
    Command.provide(restoreCommand, at(false))
  ] as const
  return root.pipe(Command.withSubcommands([importing, ...others]))
}

const printReport = (json: boolean, options: { readonly partitions: number }) =>
  Report.read.pipe(
    Effect.flatMap((report) => Progress.toStdout(json ? Report.toJson(report) : `\n${Report.toText(report)}`)),
    Effect.provide(readModels(options))
  )

const inWords = ({ accepted, files, known, malformed, rejected, rows, skipped }: Summary): string => {
  const count = (n: number, what: string) => `${n.toLocaleString("en-GB")} ${what}`
  return [
    `Imported ${count(files, files === 1 ? "file" : "files")}, ${count(rows, rows === 1 ? "row" : "rows")}`,
    `${count(accepted, "accepted")}, ${count(rejected, "rejected")}, ${count(skipped, "skipped")}, ${count(known, "known before")}`,
    `${count(malformed.length, malformed.length === 1 ? "malformed line" : "malformed lines")} left out`
  ].join("; ")
}

/** Errors say in their messages what was tried and found; the command line prints these and sets the exit code. */
const forPeople = <E extends Error>(error: E) =>
  error instanceof Source.UnreadableFiles || error instanceof Exporting.UnusableArchive
    ? error
    : new CliError.UserError({ cause: error, userMessage: error.message })
