// What is packed works in a stranger's project, and each way to pack it wrongly is said by the package's name.
import { rmSync } from "node:fs"
import { afterAll, describe, expect, it } from "vitest"
import type { Manifest } from "../check/published.ts"
import { type Contents, judge } from "../check/tarball.ts"
import { outside, tarballSteps } from "../check/tarballs.ts"

const manifest: Manifest = {
  name: "@evolvent/mine",
  version: "1.2.0",
  description: "A package",
  license: "MIT",
  type: "module",
  files: ["dist", "src", "!dist/*.tsbuildinfo"],
  sideEffects: false,
  engines: { node: ">=22" },
  bin: { mine: "./dist/main.js" },
  exports: { ".": "./dist/index.js", "./*": "./dist/*.js", "./internal/*": null, "./package.json": "./package.json" },
  dependencies: { "@scope/some": "^3.0.0" },
  peerDependencies: { effect: "^4.1.0", evolvent: "^1.1.0" }
}

const files: Readonly<Record<string, string>> = {
  "package.json": "{}",
  "README.md": "# mine",
  LICENSE: "MIT",
  "src/index.ts": `export * from "./Other.ts"`,
  "dist/index.js": `import "node:fs"\nimport "effect/Effect"\nimport "@scope/some/deep"\nexport * from "./Other.js"`,
  "dist/index.d.ts": `export * from "./Other.ts"\nexport type A = import("evolvent/Aggregate").Any`,
  "dist/index.js.map": `{"sources":["../src/index.ts"]}`,
  "dist/Other.js": "",
  "dist/Other.d.ts": "",
  "dist/main.js": "#!/usr/bin/env node\n",
  "dist/main.d.ts": ""
}

const siblings = new Map([
  ["evolvent", "1.1.0"],
  ["@evolvent/mine", "1.2.0"]
])

const judged = (change: Partial<Manifest>, more: Readonly<Record<string, string | undefined>> = {}) => {
  const texts = Object.entries({ ...files, ...more }).flatMap(([path, text]) =>
    text === undefined ? [] : [[path, text]]
  )
  const contents: Contents = { manifest: { ...manifest, ...change }, files: new Map(texts as Array<[string, string]>) }
  return judge(contents, siblings)
}

describe("judge", () => {
  it("has nothing to say of a package that is as it should be", () => {
    expect(judged({})).toEqual([])
  })

  it.each<[string, Partial<Manifest>, Readonly<Record<string, string | undefined>>?]>([
    [
      `peerDependencies asks for evolvent as "workspace:^"`,
      { peerDependencies: { ...manifest.peerDependencies, evolvent: "workspace:^" } }
    ],
    [`devDependencies asks for x as "catalog:"`, { devDependencies: { x: "catalog:" } }],
    [
      `peerDependencies asks for evolvent as "^1.0.0", and 1.1.0`,
      { peerDependencies: { ...manifest.peerDependencies, evolvent: "^1.0.0" } }
    ],
    [
      `"effect" is no peer dependency`,
      { peerDependencies: { evolvent: "^1.1.0" }, dependencies: { ...manifest.dependencies, effect: "^4.1.0" } }
    ],
    [`"evolvent" is no peer dependency`, { dependencies: { ...manifest.dependencies, evolvent: "^1.1.0" } }],
    [`package.json says no "engines.node"`, { engines: {} }],
    [`package.json does not say "type": "module"`, { type: "commonjs" }],
    [`the script "postinstall" would run`, { scripts: { postinstall: "node evil.js" } }],
    ["it has no README.md", {}, { "README.md": undefined }],
    ["it has no LICENSE", {}, { LICENSE: undefined }],
    [`"." leads to ./src/index.ts, which is not emitted code`, { exports: { ".": "./src/index.ts" } }],
    [`"./gone" leads to ./dist/gone.js, and there is no such file`, { exports: { "./gone": "./dist/gone.js" } }],
    [`"./*" has no types: dist/Other.js comes without`, {}, { "dist/Other.d.ts": undefined, "dist/index.d.ts": "" }],
    [
      "the command mine leads to ./dist/main.js, and there",
      {},
      { "dist/main.js": undefined, "dist/main.d.ts": undefined }
    ],
    [`the command mine does not begin with "#!"`, {}, { "dist/main.js": "run()" }],
    ["src/index.test.ts is for us, not for users", {}, { "src/index.test.ts": "" }],
    ["dist/src.tsbuildinfo is for us", {}, { "dist/src.tsbuildinfo": "{}" }],
    [`soak/main.ts is packed, and "files" does not name it`, {}, { "soak/main.ts": "" }],
    ["dist/index.js imports pg, which package.json does not ask for", {}, { "dist/index.js": `import pg from "pg"` }],
    [
      "dist/index.d.ts imports @x/y, which package.json",
      {},
      { "dist/index.d.ts": `export type A = import("@x/y/z").B` }
    ],
    [
      "dist/index.js imports ./internal/gone.js, which is not packed",
      {},
      { "dist/index.js": `import "./internal/gone.js"` }
    ],
    ["dist/index.js.map maps to ../src/index.ts, which is not packed", {}, { "src/index.ts": undefined }]
  ])("says: %s", (says, change, more) => {
    expect(judged(change, more)).toEqual([expect.stringMatching(/^@evolvent\/mine: /)])
    expect(judged(change, more)[0]).toContain(says)
  })
})

describe("pnpm tarballs --short", () => {
  const folder = outside()
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  // One after the other, each on what the one before has left.
  it.each(tarballSteps(folder, "short").map((step) => [step.name, step] as const))(
    "%s",
    { timeout: 180_000 },
    async (_, step) => {
      const { ok, output } = await step.run()
      expect(ok ? "" : output).toBe("")
    }
  )
})
