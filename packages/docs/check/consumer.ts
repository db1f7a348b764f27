// A stranger's project: a folder outside of the workspace with the packed packages and the README's code, and nothing else.
import { existsSync, globSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { extract } from "./blocks.ts"
import { readTarball, unpack } from "./contents.ts"
import { pnpm, readManifest } from "./published.ts"
import type { Packed } from "./stage.ts"
import { type Finished, root } from "./workspace.ts"

/** What the README's code uses beside the packages, in the versions that the workspace has. */
const companions = (): Readonly<Record<string, string>> => {
  const { devDependencies = {} } = readManifest(join(root, "packages/postgres"))
  const { devDependencies: ours = {} } = readManifest(root)
  const names = ["effect", "@effect/sql-pg", "@effect/vitest", "vitest", "@types/node"]
  return Object.fromEntries(names.map((name) => [name, devDependencies[name] ?? ours[name] ?? "*"]))
}

/** The README's program and what it prints; its last block makes `main`, and a user's next line runs it. */
export const readmeFiles = (): { readonly files: ReadonlyMap<string, string>; readonly prints: string } => {
  const text = readFileSync(join(root, "README.md"), "utf8")
  const files = new Map<string, string>()
  for (const { code, file } of extract({ path: "README.md", text }).blocks) {
    if (file !== undefined) files.set(file, code)
    else if (code.includes("@effect/vitest")) files.set("account.test.ts", code)
    else if (code.includes("const main =")) files.set("main.ts", `${code}\nawait Effect.runPromise(main)\n`)
  }
  const [, prints] = /^```text\n(Refused: .*?)^```$/ms.exec(text) ?? []
  if (prints === undefined || !files.has("main.ts") || !files.has("account.test.ts")) {
    throw new Error("README.md has no longer a block with `const main =`, one of tests, and one of what is printed")
  }
  return { files, prints }
}

/** Every module that a package lets in, as a user would name it. */
export const modulesOf = ({ tarball }: Packed): ReadonlyArray<string> => {
  const { files, manifest } = readTarball(tarball)
  return Object.entries(manifest.exports ?? {}).flatMap(([key, target]) => {
    if (target === null || key === "./package.json") return []
    const path = `${manifest.name}${key.slice(1)}`
    if (!key.includes("*")) return [path]
    const [before = "", after = ""] = target.slice("./".length).split("*")
    return [...files.keys()]
      .filter((file) => file.startsWith(before) && file.endsWith(after))
      .map((file) => file.slice(before.length, file.length - after.length))
      .filter((module) => !module.includes("/") && module !== "index")
      .map((module) => path.replace("*", module))
  })
}

const tsconfig = {
  compilerOptions: {
    strict: true,
    target: "es2022",
    module: "nodenext",
    types: ["node"],
    rootDir: ".",
    noEmit: true,
    allowImportingTsExtensions: true,
    // The packages' own declarations are checked as well, and those of all that they bring along.
    skipLibCheck: false
  },
  include: ["*.ts"]
}

/** The PostgreSQL package and the embedded one, from their tarballs: the README's program on a real server. */
const onPostgres = `import * as EmbeddedPostgres from "@evolvent/embedded-postgres/EmbeddedPostgres"
import * as Postgres from "@evolvent/postgres/Postgres"
import { Effect, Layer } from "effect"
import { ReadModels, story } from "./app.ts"

const Store = Postgres.layerFrom().pipe(Layer.provide(EmbeddedPostgres.layer()))
await Effect.runPromise(story.pipe(Effect.provide(ReadModels.pipe(Layer.provideMerge(Store)))))
`

/** Writes the project's own files. */
export const writeProject = (folder: string, packed: ReadonlyArray<Packed>): void => {
  mkdirSync(folder, { recursive: true })
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  for (const [name, code] of readmeFiles().files) write(name, code)
  const modules = packed.flatMap(modulesOf)
  write(
    "modules.ts",
    [
      ...modules.map((name, index) => `import * as m${index} from "${name}"`),
      `console.log([${modules.map((_, index) => `m${index}`).join(", ")}].length)`
    ].join("\n")
  )
  write("postgres.ts", onPostgres)
  write("tsconfig.json", JSON.stringify(tsconfig))
}

/** Installs by pnpm, as a user does; what the workspace's store has is not fetched again. */
export const install = (
  folder: string,
  packed: ReadonlyArray<Packed>,
  more: Readonly<Record<string, string>>
): Promise<Finished> => {
  const tarballs = Object.fromEntries(packed.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]))
  const dependencies = { ...companions(), ...tarballs, ...more }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }, null, 2))
  const allowed = /^allowBuilds:\n(?: .*\n?)*/m.exec(readFileSync(join(root, "pnpm-workspace.yaml"), "utf8"))?.[0] ?? ""
  // The packages ask for one another by version, which no registry has yet.
  const overrides = Object.entries(tarballs).map(([name, path]) => `  "${name}": ${JSON.stringify(path)}\n`)
  writeFileSync(join(folder, "pnpm-workspace.yaml"), `packages: []\noverrides:\n${overrides.join("")}${allowed}`)
  return pnpm(["-C", folder, "install", "--prefer-offline"])
}

const link = (from: string, to: string): void => {
  if (existsSync(to)) return
  mkdirSync(dirname(to), { recursive: true })
  symlinkSync(from, to, "junction")
}

/**
 * Installs without a registry: each package sees what its own package.json asks for, and not one thing more.
 * What it asks for is taken from the workspace; throws with the name of the package and of what it lacks.
 */
export const linkAll = (folder: string, packed: ReadonlyArray<Packed>): void => {
  const modules = join(folder, "node_modules")
  const places = new Map(
    packed.map(({ manifest: { name } }) => [name, join(modules, ".packed", name.replace("/", "+"), "node_modules")])
  )
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  for (const { folder: source, tarball } of packed) {
    const contents = readTarball(tarball)
    const { manifest } = contents
    const place = places.get(manifest.name) ?? modules
    unpack(contents, join(place, manifest.name))
    link(join(place, manifest.name), join(modules, manifest.name))
    const optional = manifest.optionalDependencies ?? {}
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies, ...optional })) {
      const sibling = places.get(name)
      const installed = join(root, source, "node_modules", name)
      if (sibling !== undefined) link(join(sibling, name), join(place, name))
      else if (existsSync(installed)) link(realpathSync(installed), join(place, name))
      else if (!(name in optional))
        throw new Error(`${manifest.name} asks for ${name}, which ${source} has not installed`)
    }
  }
  for (const name of Object.keys(companions())) {
    const found = globSync([`node_modules/${name}`, `packages/postgres/node_modules/${name}`], { cwd: root })[0]
    if (found === undefined) throw new Error(`the README's code needs ${name}, which the workspace has not installed`)
    link(realpathSync(join(root, found)), join(modules, name))
  }
}
