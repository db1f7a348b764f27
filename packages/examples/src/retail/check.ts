// `pnpm retail:check`: imports $RETAIL_DATA and compares the report with the expectation there; without it, the sample's.
// It begins with nothing, in a place of its own.
import "effect/schema/SchemaJITCompiler/enable"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as TextDiff from "effect/TextDiff"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Storage from "../storage.ts"
import { ReadModels } from "./app.ts"
import * as Importer from "./importer.ts"
import * as Progress from "./progress.ts"
import { sample } from "./reference.ts"
import * as Report from "./report.ts"
import { generate } from "./sample.ts"
import * as Source from "./source.ts"

/** The report differs, or there is nothing to compare it with. */
class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", { problem: Schema.String }) {
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.problem
  }
  override get [CliError.userMessage](): string {
    return this.problem
  }
}

/** The one expectation in a folder. */
const expectationIn = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = (yield* fs.readDirectory(folder)).filter((name) => /^expected.*\.json$/.test(name))
  const [name] = names
  if (name === undefined || names.length > 1) {
    return yield* new CheckFailed({
      problem: `${folder} holds ${names.length} files named expected*.json; one is needed`
    })
  }
  return path.join(folder, name)
})

const given = Effect.gen(function* () {
  const path = yield* Path.Path
  const folder = yield* Config.option(Config.String("RETAIL_DATA"))
  if (Option.isSome(folder)) {
    const expectation = yield* expectationIn(folder.value)
    return { sources: yield* Source.fromPaths([folder.value]), expectation }
  }
  const expectation = yield* path.fromFileUrl(new URL("sample-expected.json", import.meta.url))
  return { sources: [Source.fromText("sample.csv", generate(sample))], expectation }
})

const program = Effect.gen(function* () {
  const { expectation, sources } = yield* given
  const fs = yield* FileSystem.FileSystem
  const expected: unknown = JSON.parse(yield* fs.readFileString(expectation))
  yield* Progress.show((watcher) => Importer.run(sources, { watcher }))
  const actual = yield* Effect.provide(Report.read, ReadModels)
  if (inOrder(expected) === inOrder(actual)) return yield* Progress.toStdout("equal\n")
  const edits = TextDiff.lines(inOrder(expected), inOrder(actual))
  return yield* new CheckFailed({ problem: `differs from ${expectation}\n${TextDiff.unified(edits)}` })
})

/** JSON with its keys in order: that of the keys in a file is nobody's promise. */
const inOrder = (value: unknown): string =>
  `${JSON.stringify(
    value,
    (_, part: unknown) =>
      typeof part === "object" && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    1
  )}\n`

const { dataDir, store } = Storage.flags
const check = Command.make("retail:check", { dataDir, store }, (choice) => {
  const storage = Storage.layer("retail_check", { ...choice, fresh: true })
  return Effect.provide(program, Layer.provideMerge(Importer.Snapshots, storage))
}).pipe(Command.withDescription("Compare the report of $RETAIL_DATA, or of a sample, with what is expected"))

Command.run(check, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
