// `pnpm release [--publish]`: everything that must hold before a release, and only with --publish the release itself.
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { byExitCode, published, readManifest } from "./published.ts"
import { type ReleaseFacts, obstacles } from "./releasable.ts"
import { runSteps, type Step } from "./steps.ts"
import { root, run, tool } from "./workspace.ts"

const git = async (...args: ReadonlyArray<string>): Promise<string> => {
  const { code, output } = await run("git", args)
  if (code !== 0) throw new Error(`git ${args.join(" ")}:\n${output}`)
  return output.trim()
}

const facts = async (): Promise<ReleaseFacts> => ({
  branch: await git("branch", "--show-current"),
  uncommitted: (await git("status", "--porcelain")).split("\n").filter((line) => line !== ""),
  changesets: globSync(".changeset/*.md", { cwd: root }).filter((path) => !path.endsWith("README.md")),
  packages: published.map((folder) => ({ folder, manifest: readManifest(join(root, folder)) })),
  changelog: readFileSync(join(root, "CHANGELOG.md"), "utf8"),
  // What the npm registry takes for proof of where a package was made: an identity that the CI has signed.
  identity: ["ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN"].some((name) => process.env[name] !== undefined)
})

const script = (name: string): Step => ({
  name,
  run: async () =>
    byExitCode(await run(process.execPath, [`packages/docs/check/${name === "check" ? "main" : name}.ts`]))
})

await runSteps("before the release", [
  {
    name: "ready",
    run: async () => {
      const found = obstacles(await facts())
      return { ok: found.length === 0, output: found.join("\n") }
    }
  },
  script("check"),
  script("build"),
  script("tarballs")
])

if (process.exitCode !== 0) {
  console.log("Nothing was published.")
} else if (process.argv.includes("--publish")) {
  // In every form that one of npm, pnpm and changesets reads it; a publish that cannot give provenance fails.
  const provenance = { NPM_CONFIG_PROVENANCE: "true", PNPM_CONFIG_PROVENANCE: "true" }
  const { code, output } = await tool("@changesets/cli", ["publish"], provenance)
  console.log(output)
  process.exitCode = code
} else {
  console.log("All is ready, and nothing was published: `pnpm release --publish` in CI does so.")
}
