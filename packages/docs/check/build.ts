// `pnpm build`: emits dist of the packages that are published, packs each as a registry would get it, and judges that.
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { byExitCode, pack, published } from "./published.ts"
import { runSteps, type StepResult } from "./steps.ts"
import { root, tool } from "./workspace.ts"

const tarballs = mkdtempSync(join(tmpdir(), "evolvent-build-"))

const emit = async (): Promise<StepResult> => {
  // A module that was renamed would stay in dist for ever.
  for (const folder of published) rmSync(join(root, folder, "dist"), { recursive: true, force: true })
  return byExitCode(await tool("typescript", ["-b", ...published]))
}

const tarballOf = (folder: string): string => join(tarballs, `${folder.replaceAll(/\W+/g, "-")}.tgz`)

/** attw does not expand `./*`, so the modules behind it are named to it. */
const attw = async (folder: string): Promise<StepResult> => {
  const { exports } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))
  const modules = globSync("*.js", { cwd: join(root, folder, "dist") }).map((name) => name.slice(0, -".js".length))
  const behindWildcard = "./*" in exports ? ["--include-entrypoints", ...modules.toSorted()] : []
  const args = [tarballOf(folder), "--profile", "esm-only", "--no-emoji", ...behindWildcard]
  return byExitCode(await tool("@arethetypeswrong/cli", args))
}

const steps = published.flatMap((folder) => [
  {
    name: `pack ${folder}`,
    run: async () => byExitCode(await pack(join(root, folder), tarballOf(folder)))
  },
  {
    name: `publint ${folder}`,
    run: async () => byExitCode(await tool("publint", ["run", tarballOf(folder), "--strict"]))
  },
  { name: `attw ${folder}`, run: () => attw(folder) }
])

try {
  await runSteps("build", [{ name: "emit", run: emit }, ...steps])
} finally {
  rmSync(tarballs, { recursive: true, force: true })
}
