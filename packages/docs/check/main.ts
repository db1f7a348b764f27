// `pnpm check`: everything that can be said about the code without running its tests.
import { checkArrows, formatViolation } from "./arrows.ts"
import { checkExamples, documents, formatProblem } from "./examples.ts"
import { checkReference } from "./reference/main.ts"
import { isStableEffectModule } from "./stability.ts"
import { runSteps, type StepResult } from "./steps.ts"
import { type Finished, readFiles, run, tool } from "./workspace.ts"

const byExitCode = ({ code, output }: Finished): StepResult => ({ ok: code === 0, output })

/** Without the plugin in tsconfig.base.json the tool checks no file at all and is content, so the count is checked too. */
const effectDiagnostics = async (): Promise<StepResult> => {
  const project = "packages/docs/check/effect.tsconfig.json"
  const { code, output } = await tool("@effect/tsgo", [
    "diagnostics",
    "--strict",
    "--format",
    "text",
    "--project",
    project
  ])
  const [, checked, total] = /Checked (\d+) files out of (\d+)/.exec(output) ?? []
  return { ok: code === 0 && checked !== undefined && checked !== "0" && checked === total, output }
}

/** tstyche needs the compiler's JavaScript interface, which TypeScript 7 does not have; this one is in the lockfile. */
const typeTests = async (): Promise<StepResult> =>
  byExitCode(await tool("tstyche", [], { TSTYCHE_TYPESCRIPT_MODULE: import.meta.resolve("typescript-6") }))

const arrows = async (): Promise<StepResult> => {
  const files = readFiles("packages/*/{src,test,typetest,mutants,check}/**/*.ts")
  const violations = checkArrows(files, isStableEffectModule)
  return { ok: violations.length === 0, output: violations.map(formatViolation).join("\n") }
}

const examples = async (): Promise<StepResult> => {
  const { problems } = await checkExamples("workspace", documents())
  return { ok: problems.length === 0, output: problems.map(formatProblem).join("\n") }
}

await runSteps("check", [
  { name: "types", run: async () => byExitCode(await tool("typescript", ["-b"])) },
  { name: "effect diagnostics", run: effectDiagnostics },
  { name: "lint", run: async () => byExitCode(await tool("oxlint", ["--format", "unix"])) },
  { name: "format", run: async () => byExitCode(await tool("oxfmt", ["--check"])) },
  { name: "type tests", run: typeTests },
  { name: "import arrows", run: arrows },
  { name: "doc examples", run: examples },
  { name: "reference", run: checkReference },
  {
    name: "mutants",
    run: async () => byExitCode(await run(process.execPath, ["packages/testing/mutants/main.ts", "--brief"]))
  }
])
