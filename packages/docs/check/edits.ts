// edits: breaks copies of a package by replacing a few words of their source, one way after the other, and runs its own tests on them.
import { spawn } from "node:child_process"
import * as Schema from "effect/Schema"
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "./workspace.ts"

/** What the package's `mutants/edits.ts` says. */
const Edits = Schema.Struct({
  edits: Schema.Array(
    Schema.Struct({
      item: Schema.String,
      breaks: Schema.String,
      /** The file below `src`, the text that is in it exactly once, and what stands there instead. */
      by: Schema.Tuple([Schema.String, Schema.String, Schema.String]),
      /** The test files that are run, by the beginnings of their names. */
      tests: Schema.Array(Schema.String)
    })
  )
})
type Edited = (typeof Edits.Type)["edits"][number]

/** What became of one mutant. */
export interface Outcome {
  readonly item: string
  readonly breaks: string
  /** The test or the law that noticed it; undefined where it survived. */
  readonly noticedBy: string | undefined
}

/** What became of mutants, and what is not as it should be. */
export interface Judged {
  readonly outcomes: ReadonlyArray<Outcome>
  readonly problems: ReadonlyArray<string>
}

/** Copies of a package, and what judges its mutants on them. */
export interface Lanes extends Disposable {
  /** Judges the mutants of some items, and tells of each as soon as it was judged. */
  readonly judge: (isAsked: (item: string) => boolean, tell: (outcome: Outcome) => void) => Promise<Judged>
}

const Report = Schema.fromJsonString(
  Schema.Struct({
    testResults: Schema.Array(
      Schema.Struct({
        assertionResults: Schema.Array(Schema.Struct({ status: Schema.String, fullName: Schema.String }))
      })
    )
  })
)
const parse = Schema.decodeUnknownSync(Report)

/** Copies of a package: whoever works on its source meanwhile is not to meet a mutant. */
export const open = async (name: string): Promise<Lanes> => {
  const address = pathToFileURL(join(root, `packages/${name}/mutants/edits.ts`)).href
  const { edits } = Schema.decodeUnknownSync(Edits)(await import(address))
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "evolvent-mutants-"))
  const lanes = Array.from({ length: Math.min(2, availableParallelism()) }, (_, i) =>
    copyOf(name, join(folder, String(i)))
  )
  // Whole files pass before a mutant can say something.
  const sound = new Set<string>()
  return {
    judge: async (isAsked, tell) => {
      const asked = edits.filter(({ item }) => isAsked(item))
      const fresh = [...new Set(asked.flatMap(({ tests }) => tests))].filter((one) => !sound.has(one))
      const whole = fresh.length === 0 || lanes[0] === undefined ? [] : await failing(lanes[0], fresh)
      if (whole === undefined || whole.length > 0) {
        return { outcomes: [], problems: [`${name} itself fails: ${whole?.join(", ") ?? "nothing was run"}`] }
      }
      for (const one of fresh) sound.add(one)
      const outcomes: Array<Outcome> = []
      const problems: Array<string> = []
      const queue = [...asked]
      const take = async (lane: string): Promise<void> => {
        for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
          const judged = await judgeOne(lane, one)
          if (typeof judged === "string") problems.push(judged)
          else {
            outcomes.push(judged)
            tell(judged)
          }
        }
      }
      await Promise.all(lanes.map(take))
      return { outcomes, problems }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true })
  }
}

const copyOf = (name: string, folder: string): string => {
  const [from, to] = [join(root, "packages", name), join(folder, "packages", name)]
  for (const part of ["src", "test", "package.json", "tsconfig.json", "tsconfig.test.json"]) {
    cpSync(join(from, part), join(to, part), { recursive: true })
  }
  cpSync(join(root, "tsconfig.base.json"), join(folder, "tsconfig.base.json"))
  symlinkSync(join(from, "node_modules"), join(to, "node_modules"))
  // What its tsconfig refers to.
  if (name !== "core") symlinkSync(join(root, "packages/core"), join(folder, "packages/core"))
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  return to
}

/** What became of one mutant, or why that cannot be said. */
const judgeOne = async (lane: string, { breaks, by, item, tests }: Edited): Promise<Outcome | string> => {
  const [file, find, replacement] = by
  const path = join(lane, "src", file)
  const text = readFileSync(path, "utf8")
  if (text.split(find).length !== 2) return `${item}, ${breaks}: ${file} does not hold once: ${find}`
  writeFileSync(
    path,
    text.replace(find, () => replacement)
  )
  const failed = await failing(lane, tests)
  writeFileSync(path, text)
  return failed === undefined ? `${item}, ${breaks}: nothing could be run` : { item, breaks, noticedBy: failed[0] }
}

// In milliseconds: what goes round without end is no test's to stop.
const longest = 60_000

/** Runs tests of a copy; gives the names of those that failed, and undefined where none could be run. */
const failing = async (lane: string, tests: ReadonlyArray<string>): Promise<ReadonlyArray<string> | undefined> => {
  const report = join(lane, "report.json")
  rmSync(report, { force: true })
  const vitest = join(root, "node_modules/vitest/vitest.mjs")
  const reporting = ["--reporter=json", `--outputFile=${report}`]
  // One thread for all files: starting more would take longer than the tests do.
  const quick = ["--testTimeout=8000", "--bail=1", "--pool=threads", "--no-isolate", "--maxWorkers=1"]
  const args = [vitest, "run", "--root", lane, ...reporting, ...quick, ...tests.map((one) => `test/${one}`)]
  await new Promise((done) => {
    const child = spawn(process.execPath, args, { stdio: "ignore", timeout: longest, killSignal: "SIGKILL" })
    child.on("error", done)
    child.on("close", done)
  })
  if (!existsSync(report)) return undefined
  const results = parse(readFileSync(report, "utf8")).testResults.flatMap((one) => one.assertionResults)
  if (results.length === 0) return undefined
  return results.filter(({ status }) => status === "failed").map(({ fullName }) => fullName)
}
