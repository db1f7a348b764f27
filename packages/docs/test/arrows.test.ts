// The arrows of the house hold, and the checker that says so catches each way to break them.
import { describe, expect, it } from "vitest"
import { checkArrows, formatViolation } from "../check/arrows.ts"
import { headerStability, isStableEffectModule } from "../check/stability.ts"
import { readFiles } from "../check/workspace.ts"

/** The rules that a workspace of these files breaks. */
const rules = (files: Record<string, string>) =>
  checkArrows(
    Object.entries(files).map(([path, text]) => ({ path, text })),
    isStableEffectModule
  ).map(({ rule }) => rule)

const core = "packages/core/src/Aggregate.ts"
const testing = "packages/testing/src/given.ts"
const domain = "packages/examples/src/account/domain.ts"

describe("the workspace", () => {
  const files = readFiles("packages/*/{src,test,typetest,mutants,check}/**/*.ts")

  it("has files to judge", () => {
    expect(files.filter(({ path }) => path.startsWith("packages/core/src/")).length).toBeGreaterThan(0)
  })

  it("keeps every arrow", () => {
    expect(checkArrows(files, isStableEffectModule).map(formatViolation)).toEqual([])
  })

  it("lets core depend on effect alone", () => {
    const [manifest] = readFiles("packages/core/package.json")
    const { dependencies = {}, peerDependencies } = JSON.parse(manifest?.text ?? "{}")
    expect({ dependencies, peerDependencies: Object.keys(peerDependencies) }).toEqual({
      dependencies: {},
      peerDependencies: ["effect"]
    })
  })
})

describe("each form of import is read", () => {
  it.each([
    ["static", `import { layer } from "@evolvent/postgres"`],
    ["for its effect", `import "@evolvent/postgres"`],
    ["type-only", `import type { Config } from "@evolvent/postgres"`],
    ["inline type", `import { type Config } from "@evolvent/postgres"`],
    ["re-export", `export * from "@evolvent/postgres"`],
    ["named re-export", `export { layer } from "@evolvent/postgres"`],
    ["type re-export", `export type { Config } from "@evolvent/postgres"`],
    ["namespace re-export", `export * as Postgres from "@evolvent/postgres"`],
    ["dynamic", `const load = () => import("@evolvent/postgres")`],
    ["import type expression", `type Config = import("@evolvent/postgres").Config`],
    ["require", `const postgres = require("@evolvent/postgres")`],
    ["over several lines", `import {\n  layer\n} from\n  "@evolvent/postgres"`]
  ])("%s", (_, text) => {
    expect(rules({ [core]: text })).toEqual(["arrow"])
  })

  it("and what only looks like one is not", () => {
    expect(rules({ [core]: `// import "@evolvent/postgres"\nconst text = 'import "@evolvent/postgres"'` })).toEqual([])
  })
})

describe("tiers", () => {
  it.each([
    ["packages/core/src/A.ts", `import "@evolvent/testing"`],
    ["packages/core/test/A.test.ts", `import "@evolvent/testing"`],
    ["packages/testing/src/A.ts", `import "@evolvent/postgres"`],
    ["packages/postgres/src/A.ts", `import "@evolvent/nats"`],
    ["packages/postgres/src/A.ts", `import "@evolvent/testing"`],
    ["packages/postgres/test/A.test.ts", `import "@evolvent/nats"`],
    ["packages/nats/src/A.ts", `import "@evolvent/cli"`],
    ["packages/cli/src/A.ts", `import "@evolvent/examples/account/domain"`],
    ["packages/examples/src/A.ts", `import "@evolvent/docs"`],
    ["packages/examples/src/A.ts", `import "@evolvent/unheard-of"`],
    ["packages/unheard-of/src/A.ts", ``]
  ])("%s must not %s", (path, text) => {
    expect(rules({ [path]: text })).toEqual(["arrow"])
  })

  it.each([
    ["packages/testing/src/A.ts", `import * as Aggregate from "evolvent/Aggregate"`],
    ["packages/postgres/src/A.ts", `import * as EventStore from "evolvent/EventStore"`],
    ["packages/postgres/test/A.test.ts", `import { suite } from "@evolvent/testing/conformance"`],
    ["packages/testing/test/A.test.ts", `import { suite } from "@evolvent/testing/conformance"`],
    ["packages/cli/src/A.ts", `import "@evolvent/postgres"`],
    ["packages/examples/src/A.ts", `import "@evolvent/testing"`]
  ])("%s may %s", (path, text) => {
    expect(rules({ [path]: text })).toEqual([])
  })
})

describe("core", () => {
  it.each([
    [`import { Effect } from "effect"`, "core-deep-effect"],
    [`import * as Pg from "@effect/sql-pg"`, "core-deep-effect"],
    [`import * as Arbitrary from "effect/Arbitrary"`, "core-stable"],
    [`import * as SqlClient from "effect/sql/SqlClient"`, "core-stable"],
    [`import * as Sql from "effect/sql"`, "core-stable"],
    [`import * as Nothing from "effect/NoSuchModule"`, "core-stable"],
    [`import * as internal from "effect/internal/core"`, "core-stable"],
    [`import * as fs from "node:fs"`, "node"],
    [`import * as fs from "fs"`, "node"],
    [`import * as Aggregate from "evolvent/Aggregate"`, "self"],
    [`import * as kit from "../../testing/src/index.ts"`, "path"],
    [`export const load = (name: string) => import(name)`, "computed"]
  ])("must not %s", (text, rule) => {
    expect(rules({ [core]: text })).toEqual([rule])
  })

  it("may load a module by its path only where a program is given one", () => {
    const text = `export const load = (path: string) => import(path)`
    expect(rules({ "packages/cli/src/application.ts": text })).toEqual([])
    expect(rules({ "packages/cli/src/rebuild.ts": text })).toEqual(["computed"])
  })

  it.each([
    `import * as Effect from "effect/Effect"`,
    `import type * as Schema from "effect/Schema"`,
    `import * as Base64Url from "effect/encoding/Base64Url"`,
    `import { decide } from "./internal/decide.ts"`
  ])("may %s", (text) => {
    expect(rules({ [core]: text })).toEqual([])
  })

  it("knows a module's stability by its header, not by its exports", () => {
    expect(headerStability(`/// <reference lib="x" />\n\n/**\n * A.\n * @stability stable\n */\n`)).toBe("stable")
    expect(headerStability(`/**\n * A.\n */\n/** @stability stable */\nexport const x = 1`)).toBeUndefined()
    expect(isStableEffectModule("Schema")).toBe(true)
  })
})

describe("testing", () => {
  it.each([
    [`import { it } from "vitest"`, "testing-narrow"],
    [`import { it } from "@effect/vitest"`, "testing-narrow"],
    [`import * as util from "node:util"`, "node"]
  ])("must not %s", (text, rule) => {
    expect(rules({ [testing]: text })).toEqual([rule])
  })

  it("may derive values by effect's Arbitrary", () => {
    expect(rules({ [testing]: `import * as Arbitrary from "effect/Arbitrary"` })).toEqual([])
  })
})

describe("internal", () => {
  it.each([
    [testing, `import { decide } from "evolvent/internal/decide"`, "internal"],
    [testing, `import { decide } from "../../core/src/internal/decide.ts"`, "path"],
    ["packages/testing/test/A.test.ts", `import { decide } from "../../core/src/internal/decide.ts"`, "path"],
    ["packages/cli/src/A.ts", `import { sql } from "@evolvent/postgres/internal/sql/append"`, "internal"]
  ])("%s must not %s", (path, text, rule) => {
    expect(rules({ [path]: text })).toEqual([rule])
  })

  it("is open to the package's own tests", () => {
    expect(rules({ "packages/core/test/A.test.ts": `import "../src/internal/decide.ts"` })).toEqual([])
  })
})

describe("cycles", () => {
  const path = (name: string) => `packages/core/src/${name}.ts`

  it("are found through any number of modules", () => {
    const files = {
      [path("A")]: `import "./B.ts"`,
      [path("B")]: `export * from "./internal/C.ts"`,
      [path("internal/C")]: `import "../A.ts"`
    }
    expect(rules(files)).toEqual(["cycle"])
  })

  it("are found in a module that imports itself", () => {
    expect(rules({ [path("A")]: `import "./A.ts"` })).toEqual(["cycle"])
  })

  it("are not made by types, which are erased", () => {
    expect(rules({ [path("A")]: `import "./B.ts"`, [path("B")]: `import type { A } from "./A.ts"` })).toEqual([])
  })
})

describe("a domain", () => {
  it.each([
    `import { EventStore } from "evolvent"`,
    `import * as evolvent from "evolvent"`,
    `import * as Memory from "evolvent/internal/x"`,
    `import * as Processor from "evolvent/Processor"`,
    `import { given } from "@evolvent/testing"`,
    `import * as Client from "effect/rpc/RpcClient"`,
    `import { app } from "./app.ts"`,
    `import { readFileSync } from "node:fs"`
  ])("must not %s", (text) => {
    expect(rules({ [domain]: text })).toContain("domain-import")
  })

  it.each([
    `import { Aggregate, Projection } from "evolvent"`,
    `import * as Aggregate from "evolvent/Aggregate"`,
    `import { Schema } from "effect"`,
    `import * as Schema from "effect/Schema"`,
    `import { Order } from "../order/domain.ts"`
  ])("may %s", (text) => {
    expect(rules({ [domain]: text })).toEqual([])
  })

  it.each([
    `// rows of the table`,
    `/* PostgreSQL */`,
    `const sqlName = 1`,
    `const x = "in MEMORY"`,
    `const eventStore = 1`,
    `const DATABASES = 1`,
    `import { JetStream } from "effect"`,
    `const redis_url = 1`
  ])("must not say %s", (text) => {
    expect(rules({ [domain]: text })).toContain("domain-word")
  })

  it("may say words that only contain one", () => {
    expect(rules({ [domain]: `// restore notable storey, unstable restored natsu` })).toEqual([])
  })
})
