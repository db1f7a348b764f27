// `pnpm mutants core [item…]`: breaks a copy of core in one way after the other, and shows that its own tests notice.
import { spawnSync } from "node:child_process"
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
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Mutant } from "./Mutant.ts"
import { observability } from "./observability.ts"

const core = join(import.meta.dirname, "..")
const workspace = join(core, "../..")
const all: ReadonlyArray<Mutant> = observability
const words = process.argv.slice(2).map((word) => word.toLowerCase())
const mutants = all.filter(({ item }) => words.length === 0 || words.some((word) => item.startsWith(word)))

// A copy: whoever works on the source meanwhile is not to meet a mutant.
const folder = mkdtempSync(join(realpathSync(tmpdir()), "evolvent-mutants-"))
const copy = join(folder, "packages/core")
for (const part of ["src", "test", "package.json", "tsconfig.json", "tsconfig.test.json"]) {
  cpSync(join(core, part), join(copy, part), { recursive: true })
}
cpSync(join(workspace, "tsconfig.base.json"), join(folder, "tsconfig.base.json"))
symlinkSync(join(core, "node_modules"), join(copy, "node_modules"))
symlinkSync(join(workspace, "node_modules"), join(folder, "node_modules"))

const vitest = join(workspace, "node_modules/vitest/vitest.mjs")

/** Runs tests of the copy; gives the names of those that failed, and undefined where none could be run. */
const failing = (tests: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const files = tests.map((name) => `test/${name}`)
  const report = join(folder, "report.json")
  rmSync(report, { force: true })
  spawnSync(
    process.execPath,
    [vitest, "run", "--root", copy, "--reporter=json", `--outputFile=${report}`, "--testTimeout=8000", ...files],
    { stdio: "ignore" }
  )
  if (!existsSync(report)) return undefined
  const { testResults }: Report = JSON.parse(readFileSync(report, "utf8"))
  const results = testResults.flatMap(({ assertionResults }) => assertionResults)
  if (results.length === 0) return undefined
  return results.filter((one) => one.status === "failed").map(({ fullName }) => fullName)
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{ readonly status: string; readonly fullName: string }>
  }>
}

let caught = 0
const problems: Array<string> = []
try {
  const whole = failing([...new Set(mutants.flatMap(({ tests }) => tests))])
  if (whole === undefined || whole.length > 0)
    problems.push(`core itself fails: ${whole?.join(", ") ?? "nothing was run"}`)
  for (const { breaks, by, item, tests } of problems.length > 0 ? [] : mutants) {
    const [file, find, replacement] = by
    const path = join(copy, "src", file)
    const text = readFileSync(path, "utf8")
    const say = (verdict: string, what: string) =>
      console.log(`${item.padEnd(10)} ${verdict.padEnd(9)} ${breaks}${what}`)
    if (text.split(find).length !== 2) {
      problems.push(`${breaks}: ${file} does not hold once: ${find}`)
      continue
    }
    writeFileSync(
      path,
      text.replace(find, () => replacement)
    )
    const failed = failing(tests)
    writeFileSync(path, text)
    if (failed === undefined) problems.push(`${breaks}: nothing could be run`)
    else if (failed.length === 0) {
      say("SURVIVED", "")
      problems.push(`${breaks}: it survived`)
    } else {
      caught += 1
      say("caught", ` (${failed[0]})`)
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const problem of problems) console.log(`\n${problem}`)
console.log(`\nmutants: ${caught} of ${mutants.length} caught, ${problems.length} problems`)
process.exitCode = mutants.length === 0 || problems.length > 0 ? 1 : 0
