// Where invoice files come from: paths on disk, folders of them, or text at hand. Checked before anything is imported.
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as CliError from "effect/cli/CliError"
import * as Csv from "./csv.ts"
import * as Row from "./row.ts"

/** One file of invoices; `size` in bytes, for the progress bar. */
export interface Source {
  readonly name: string
  readonly size: number
  readonly text: Stream.Stream<string, PlatformError>
}

/** Some of the files cannot be read, or are no invoices; nothing was imported. */
export class UnreadableFiles extends Schema.TaggedError<UnreadableFiles>()("UnreadableFiles", {
  problems: Schema.Array(Schema.Struct({ path: Schema.String, problem: Schema.String }))
}) {
  override readonly [Runtime.errorExitCode] = 2
  override readonly [Runtime.errorReported] = false

  override get message(): string {
    const lines = this.problems.map(({ path, problem }) => `  ${path}: ${problem}`)
    return `These cannot be imported, so nothing was:\n${lines.join("\n")}`
  }

  override get [CliError.userMessage](): string {
    return this.message
  }
}

/** Invoices at hand as text. */
export const fromText = (name: string, text: string): Source => ({ name, size: text.length, text: Stream.make(text) })

/**
 * The files at some paths, in order; a folder stands for the `.csv` files in it, by name. A file that is named twice is
 * read once. All of them are looked at first: one that is missing, cannot be read or has another header refuses the whole.
 */
export const fromPaths = Effect.fn("Source.fromPaths")(function* (paths: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const problems: Array<{ readonly path: string; readonly problem: string }> = []
  const sources = new Map<string, Source>()

  /** Notes what went wrong at a path, and goes on with the next. */
  const orProblem =
    (path: string) =>
    <A, R>(effect: Effect.Effect<A, PlatformError | string, R>): Effect.Effect<A | undefined, never, R> =>
      Effect.catch(effect, (error) =>
        Effect.sync(() => {
          problems.push({ path, problem: typeof error === "string" ? error : inWords(error) })
          return undefined
        })
      )

  const add = (path: string, named: boolean) =>
    Effect.gen(function* () {
      const key = yield* fs.realPath(path)
      if (sources.has(key)) return
      const { size, type } = yield* fs.stat(path)
      if (type === "Directory" && !named) return
      if (type === "Directory") return yield* addFolder(path)
      const source: Source = {
        name: path,
        size: Number(size),
        text: Stream.decodeText(fs.stream(path, { chunkSize: 256 * 1024 }))
      }
      yield* checkHeader(source)
      sources.set(key, source)
    }).pipe(orProblem(path))

  const addFolder: (folder: string) => Effect.Effect<void, PlatformError | string, Path.Path> = Effect.fnUntraced(
    function* (folder: string) {
      const path = yield* Path.Path
      const names = (yield* fs.readDirectory(folder)).filter((name) => /\.csv$/i.test(name)).sort()
      if (names.length === 0) return yield* Effect.fail("there is no .csv file in this folder")
      for (const name of names) yield* add(path.join(folder, name), false)
    }
  )

  for (const path of paths) yield* add(path, true)
  if (problems.length > 0) return yield* new UnreadableFiles({ problems })
  return [...sources.values()]
})

/** Fails, in words, where a file begins with something else than the header of an invoice file; an empty file is one. */
const checkHeader = (source: Source): Effect.Effect<void, PlatformError | string> =>
  Effect.gen(function* () {
    const parser = Csv.make()
    const records = yield* source.text.pipe(
      Stream.map(parser.push),
      Stream.concat(Stream.sync(parser.end)),
      Stream.filter((records) => records.length > 0),
      Stream.take(1),
      Stream.runCollect
    )
    const [first] = records.flat()
    if (first === undefined) return
    if (first._tag === "Broken") return yield* Effect.fail(`line ${first.line}: ${first.problem}`)
    const reader = Row.reader(first.fields)
    if (Result.isFailure(reader)) return yield* Effect.fail(`it is no file of invoices: ${reader.failure}`)
  })

const inWords = ({ reason }: PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "there is no such file or folder"
    case "PermissionDenied":
      return "it may not be read (permission denied)"
    default:
      return reason.message
  }
}
