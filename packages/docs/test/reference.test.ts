// The reference says what the docstrings say: over packages of a few lines, written into a folder of their own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { anchorsOf } from "../check/reference/anchors.ts"
import { firstSentence } from "../check/reference/docstrings.ts"
import { makeReference } from "../check/reference/main.ts"
import { headerOf } from "../check/reference/modules.ts"
import type { Reference } from "../check/reference/pages.ts"
import { staleness } from "../check/reference/stale.ts"
import { files } from "./reference-packages.ts"

let root = ""
let shop: Reference
let all: Reference

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "reference-"))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  shop = await makeReference(root, ["packages/shop"])
  all = await makeReference(root, ["packages/shop", "packages/bare", "packages/program"])
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

const page = (path: string): string => shop.pages.get(path) ?? ""

/** What a page says under a heading. */
const section = (path: string, heading: string): string =>
  page(path)
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`))
    ?.slice(heading.length)
    .trim() ?? ""

it("has a page for each public module: not for barrels, tests and what is internal", () => {
  expect([...shop.pages.keys()]).toEqual(["README.md", "shop/Cart.md", "shop/Price.md"])
  expect(shop.problems).toEqual([])
})

it("lists packages and modules with the first sentence of each, and no package without modules", () => {
  const index = all.pages.get("README.md") ?? ""
  expect(index).toContain("## shop\n\nThings and prices.\n\n- [Cart](shop/Cart.md): what somebody wants to buy.\n")
  expect(index).toContain("- [Price](shop/Price.md): what a thing costs.\n")
  expect(index).not.toContain("program")
})

it("begins a page with the module's header, how it is imported, and what it has", () => {
  const text = page("shop/Price.md")
  expect(text).toContain("# Price\n\nWhat a thing costs. In cents.\nIt is never negative.\n\n")
  expect(text).toContain('`import * as Price from "shop/Price"`, or `import { Price } from "shop"`')
  expect(text).toContain("[source](../../../shop/src/Price.ts)")
  expect(text).toContain("Values: [make](#make), [plus](#plus), [Kind](#kind), [Cents](#cents), [half](#half), ")
  expect(text).toContain("Types: [Price](#price-1)\n")
})

it("calls a module that is no namespace by its specifier", () => {
  expect([...all.pages.keys()].slice(-2)).toEqual(["bare/Bare.md", "bare/deep.md"])
  expect(all.pages.get("bare/deep.md")).toContain(
    '# @x/bare/deep\n\nMore.\n\n`import { … } from "@x/bare/deep"`; [source](../../../bare/src/deep/index.ts).\n'
  )
  expect(all.pages.get("bare/Bare.md")).toContain('`import * as Bare from "@x/bare/Bare"`; [source]')
})

it("keeps the order of the file", () => {
  const headings = [...page("shop/Price.md").matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  expect(headings).toEqual(["Price", "make", "plus", "Kind", "Cents", "half", "TooCheap"])
})

describe("a signature", () => {
  const signature = (path: string, heading: string) => /^```ts\n(.*?)\n```$/ms.exec(section(path, heading))?.[1]

  it("of an interface is its text, without comments for its authors", () => {
    expect(signature("shop/Price.md", "Price")).toBe(
      "interface Price {\n  /** Made by `make`. */\n  readonly cents: number\n  readonly currency?: string\n}"
    )
  })

  it("of a function has no body, and what has a default may be left out", () => {
    expect(signature("shop/Price.md", "make")).toBe(
      "const make: (cents: number, options?: { readonly currency?: string }) => Price"
    )
  })

  it("of a function in steps has them all, with the types that nobody wrote down", () => {
    expect(signature("shop/Price.md", "plus")).toBe(
      "const plus: <const A extends Price>(one: A) => (other: Price, times?: number) => Price"
    )
  })

  it("of a value and a type under one name is both", () => {
    expect(signature("shop/Price.md", "Kind")).toBe(
      'const Kind: { readonly low: "low" }\n\ntype Kind = keyof typeof Kind'
    )
  })

  it("of a function with overloads is the overloads", () => {
    expect(signature("shop/Price.md", "half")).toBe(
      "function half(price: Price): Price\n\nfunction half(price: number): number"
    )
  })

  it("of a class has its members but what is private or overridden", () => {
    expect(signature("shop/Price.md", "TooCheap")).toBe(
      "class TooCheap extends Error {\n  /** By how much. */\n  readonly by: number\n  static from(price: Price): TooCheap\n}"
    )
  })

  it("of a re-export has the name that it is exported by", () => {
    expect(signature("shop/Cart.md", "total")).toBe("const total: (prices: ReadonlyArray<Price>) => number")
  })

  it("of another name for what is internal is what that is, where it is the very same", () => {
    expect(signature("shop/Cart.md", "none")).toBe("const none = Schema.Int")
    expect(signature("shop/Cart.md", "Of")).toBe("interface Of<A> {\n  readonly some: A\n}")
    expect(signature("shop/Cart.md", "OfText")).toBe("type OfText = sums.Some<string>")
  })

  it("of a schema is the schema", () => {
    expect(signature("shop/Price.md", "Cents")).toBe("const Cents = Schema.Int.check(1)\n\ntype Cents = number")
  })
})

describe("a docstring", () => {
  it("links what it names, on its page and on others, and nothing that is not there", () => {
    expect(section("shop/Price.md", "Price")).toContain(
      "A price. See [`make`](#make), [the sum](Cart.md#total) and [`Cart.add`](Cart.md#add); " +
        "`Cart.nothing` is none, [`Cart`](Cart.md) is where it goes."
    )
  })

  it("links a member to what has it, also one of a service", () => {
    expect(section("shop/Cart.md", "add")).toContain(
      "Adds a thing: its [`Price.cents`](Price.md#price-1), and [`Till.ring`](#till)."
    )
  })

  it("keeps its examples as they are", () => {
    expect(section("shop/Price.md", "make")).toContain(
      "Makes a price. No `TooCheap`, no `Price`.\n\n```ts\nmake(5) // => { cents: 5 }, not `Cart.add`\n```"
    )
  })

  it("is told once: who exports the same thing leads there", () => {
    expect(section("shop/Cart.md", "price")).toBe("The same as [`Price.make`](Price.md#make). Makes a price.")
    expect(section("shop/Cart.md", "total")).toContain("The sum of prices. And nothing else.")
  })
})

it("ends with what its signatures name and nothing exports, and what that names", () => {
  expect(page("shop/Cart.md").split("## Named above")[1]).toBe(
    "\n\nWhat these signatures name, and no module exports.\n\n" +
      "```ts\ninterface Some<A> {\n  readonly some: A\n}\n\ntype Inner = ReadonlyArray<Deeper>\n\ninterface Deeper {\n  readonly price: Price\n}\n```\n"
  )
  expect(page("shop/Price.md")).not.toContain("Named above")
})

it("finds what has no docstring, what has no header, and links to nothing", () => {
  expect(all.problems).toEqual([
    { path: "packages/bare/src/Bare.ts", line: 1, message: expect.stringContaining("@x/bare/Bare has no header") },
    { path: "packages/bare/src/Bare.ts", line: 1, message: expect.stringContaining('"silent"') },
    { path: "packages/bare/src/Bare.ts", line: 4, message: expect.stringContaining('links to "nowhere"') }
  ])
})

it("is the same each time", async () => {
  expect(await makeReference(root, ["packages/shop"])).toEqual(shop)
})

it("says of each page that is missing, changed or left over what mends it", () => {
  const found = new Map(shop.pages).set("shop/Cart.md", "old").set("shop/Gone.md", "old")
  found.delete("README.md")
  expect(staleness(found, shop.pages)).toEqual([
    "packages/docs/reference/README.md is missing: run `pnpm reference`",
    "packages/docs/reference/shop/Cart.md is not what the docstrings say: run `pnpm reference`",
    "packages/docs/reference/shop/Gone.md is of no public module: run `pnpm reference`"
  ])
  expect(staleness(shop.pages, shop.pages)).toEqual([])
})

it("numbers the anchors of headings that GitHub cannot tell apart", () => {
  expect(anchorsOf(["Decide", "decide", "A b?", "decide"])).toEqual(["decide", "decide-1", "a-b", "decide-2"])
})

it.each([
  ["One. Two.", "One."],
  ["Sorts by `a.b` and\nthen by time! More", "Sorts by `a.b` and then by time!"],
  ["No stop\n\nNext. Paragraph", "No stop"]
])("the first sentence of %j is %j", (text, sentence) => {
  expect(firstSentence(text)).toBe(sentence)
})

it.each([
  ["// Price: what it costs.\n// More.\nimport 1", "what it costs.\nMore."],
  ["// EventData and Recorded: an event.\n", "an event."],
  ["// The modules of x: all.", "The modules of x: all."],
  ["import 1\n// Late.", ""]
])("the header of %j is %j", (text, header) => {
  expect(headerOf(text)).toBe(header)
})
