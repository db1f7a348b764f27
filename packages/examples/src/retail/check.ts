// `pnpm retail:check`: imports $RETAIL_DATA and compares the report with the expectation there; without it, the sample's.
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
import * as Memory from "evolvent/Memory"
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
  const actual = yield* Report.read
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

program.pipe(
  Effect.tapError((error) => Progress.toStdout(`${error.message}\n`)),
  Effect.provide([Layer.provideMerge(ReadModels, Memory.layer), NodeServices.layer]),
  (main) => NodeRuntime.runMain(main, { disableErrorReporting: true })
)
