// `pnpm tarballs [--short]`: packs what is published, installs it into an empty project, and does there what the README says.
import { existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { install, linkAll, readmeFiles, writeProject } from "./consumer.ts"
import { readTarball } from "./contents.ts"
import { byExitCode, published, readManifest } from "./published.ts"
import { type Packed, stage } from "./stage.ts"
import { runSteps, type Step, type StepResult } from "./steps.ts"
import { judge } from "./tarball.ts"
import { type Finished, root, run } from "./workspace.ts"

/** By the names under which they are installed; the last two are the workspace's own. */
const compilers = (): Readonly<Record<string, string>> => {
  const [ours, docs] = [root, join(root, "packages/docs")].map((folder) => readManifest(folder).devDependencies ?? {})
  return {
    "typescript-5.9": "npm:typescript@5.9.3",
    "typescript-6": docs?.["typescript-6"] ?? "",
    typescript: ours?.["typescript"] ?? ""
  }
}

/** The other Node that is supported, from npm, as the workspace's own is. */
const platform = process.platform === "win32" ? "win" : process.platform
const node22 = { "node-22": `npm:node-${platform}-${process.arch}@^22` }

/** The steps; the short ones need no registry, take one Node and one compiler, and are part of `pnpm test`. */
export const tarballSteps = (folder: string, kind: "short" | "full", folders = published): ReadonlyArray<Step> => {
  let packed: ReadonlyArray<Packed> = []
  let installed = false
  const project = join(folder, "project")
  const modules = join(project, "node_modules")

  const here = (program: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
    run(program, args, { DATABASE_URL: undefined, NODE_OPTIONS: undefined, ...env }, project)
  const printed = ({ code, output }: Finished): StepResult => {
    const { prints } = readmeFiles()
    const ok = code === 0 && output === prints
    return { ok, output: ok ? "" : `printed, with exit code ${code}:\n${output}\nREADME.md says:\n${prints}` }
  }
  const types = async (compiler: string): Promise<StepResult> => {
    const place = [modules, join(root, "node_modules")].map((each) => join(each, compiler)).find(existsSync)
    if (place === undefined) return { ok: false, output: `${compiler} could not be had` }
    return byExitCode(await here(process.execPath, [join(place, "bin/tsc"), "-p", ".", "--pretty", "false"]))
  }
  const commands = async (node: string): Promise<StepResult> => {
    for (const { tarball } of packed) {
      const { manifest } = readTarball(tarball)
      for (const [name, target] of Object.entries(typeof manifest.bin === "object" ? manifest.bin : {})) {
        const { code, output } = await here(node, [join(modules, manifest.name, target), "--help"])
        if (code !== 0) return { ok: false, output: `${manifest.name}: \`${name} --help\` failed\n${output}` }
      }
    }
    return { ok: true, output: "" }
  }
  const under = (name: string, node: () => string): ReadonlyArray<Step> => [
    { name: `every module, ${name}`, run: async () => byExitCode(await here(node(), ["modules.ts"])) },
    { name: `README, ${name}`, run: async () => printed(await here(node(), ["main.ts"])) },
    { name: `commands, ${name}`, run: () => commands(node()) }
  ]

  const thisNode = `Node ${process.versions.node.split(".")[0]}`

  /** What follows a step that failed would only say so in its own words. */
  const after = (ready: () => boolean, steps: ReadonlyArray<Step>): ReadonlyArray<Step> =>
    steps.map(({ name, run }) => ({
      name,
      run: async () => (ready() ? await run() : { ok: false, output: "not tried, after what failed above" })
    }))

  const prepare: ReadonlyArray<Step> = [
    {
      name: "pack",
      run: async () => {
        packed = await stage(join(folder, "stage"), folders)
        return { ok: true, output: "" }
      }
    }
  ]
  const put: ReadonlyArray<Step> = [
    {
      name: "contents",
      run: async () => {
        const contents = packed.map(({ tarball }) => readTarball(tarball))
        const siblings = new Map(contents.map(({ manifest }) => [manifest.name, manifest.version]))
        const problems = contents.flatMap((each) => judge(each, siblings))
        return { ok: problems.length === 0, output: problems.join("\n") }
      }
    },
    {
      name: kind === "short" ? "link" : "install",
      run: async () => {
        writeProject(project, packed)
        if (kind === "short") linkAll(project, packed)
        const { code, output } =
          kind === "short" ? { code: 0, output: "" } : await install(project, packed, { ...compilers(), ...node22 })
        installed = code === 0
        return { ok: installed, output }
      }
    }
  ]
  const short: ReadonlyArray<Step> = [
    ...under(thisNode, () => process.execPath),
    { name: "types, TypeScript 7", run: () => types("typescript") }
  ]
  const further: ReadonlyArray<Step> = [
    ...under("Node 22", () => join(modules, "node-22/bin/node")),
    { name: "types, TypeScript 6", run: () => types("typescript-6") },
    { name: "types, TypeScript 5.9", run: () => types("typescript-5.9") },
    {
      name: "README's tests",
      run: async () => byExitCode(await here(process.execPath, [join(modules, "vitest/vitest.mjs"), "run"]))
    },
    { name: "README, PostgreSQL", run: async () => printed(await here(process.execPath, ["postgres.ts"])) }
  ]
  return [
    ...prepare,
    ...after(() => packed.length > 0, put),
    ...after(() => installed, kind === "short" ? short : [...short, ...further])
  ]
}

/** A folder outside of the workspace, by its real path, since modules are found by theirs. */
export const outside = (): string => realpathSync(mkdtempSync(join(tmpdir(), "evolvent-tarballs-")))

if (import.meta.main) {
  const folder = outside()
  try {
    const names = published.map((each) => readManifest(join(root, each)).name)
    console.log(names.join(", "))
    await runSteps("tarballs", tarballSteps(folder, process.argv.includes("--short") ? "short" : "full"))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
