// A workspace of a few lines for reference.test.ts: a package with a barrel, one without words, and one without modules.
const manifest = (name: string, description: string, exports: Readonly<Record<string, string | null>>): string =>
  JSON.stringify({ name, description, type: "module", exports })

/** The files, by their path from the root. */
export const files: Readonly<Record<string, string>> = {
  "tsconfig.base.json": JSON.stringify({
    compilerOptions: {
      target: "ES2024",
      module: "NodeNext",
      strict: true,
      types: [],
      allowImportingTsExtensions: true,
      noEmit: true
    }
  }),
  "packages/shop/package.json": manifest("shop", "Things and prices", {
    ".": "./src/index.ts",
    "./*": "./src/*.ts",
    "./internal/*": null,
    "./package.json": "./package.json"
  }),
  "packages/shop/src/index.ts": `// shop: everything.
export * as Cart from "./Cart.ts"
export * as Price from "./Price.ts"
`,
  "packages/shop/src/Price.ts": `// Price: what a thing costs. In cents.
// It is never negative.

/** A price. See {@link make}, {@link Cart.total | the sum} and \`Cart.add\`; \`Cart.nothing\` is none, \`Cart\` is where it goes. */
export interface Price {
  /** Made by {@link make}. */
  readonly cents: number
  // Not for readers.
  readonly currency?: string
}

/**
 * Makes a price. No \`TooCheap\`, no \`Price\`.
 *
 * \`\`\`ts
 * make(5) // => { cents: 5 }, not \`Cart.add\`
 * \`\`\`
 */
export const make = (cents: number, { currency = "EUR" }: { readonly currency?: string } = {}): Price => {
  return { cents, currency }
}

const hidden = 1

/** Plus, one step after another. */
export const plus =
  <const A extends Price>(one: A) =>
  (other: Price, times = hidden) => make(one.cents + other.cents * times)

/** Which. */
export const Kind = { low: "low" } as const
export type Kind = keyof typeof Kind

declare const Schema: { readonly Int: { readonly check: (least: number) => unknown } }

/** Hundredths. */
export const Cents = Schema.Int.check(1)
export type Cents = number

/** Halves a price. */
export function half(price: Price): Price
/** Halves a number. */
export function half(price: number): number
export function half(price: Price | number): unknown { const halved: InBody = price; return halved }
type InBody = Price | number

/** Says no. */
export class TooCheap extends Error {
  override get message(): string { return "no" }
  readonly #secret = 1
  private readonly also = 2
  /** By how much. */
  get by(): number { return this.#secret + this.also }
  static from(price: Price): TooCheap { return new TooCheap(String(price.cents)) }
}
`,
  "packages/shop/src/Cart.ts": `// Cart: what somebody wants to buy.
import { make, type Price } from "./Price.ts"
export { sum as total } from "./internal/sum.ts"
export { make as price } from "./Price.ts"
import * as sums from "./internal/sum.ts"

/** Nothing at all. */
export const none = sums.unseen

/** One of several. */
export type Of<A> = sums.Some<A>

/** Always of a text. */
export type OfText = sums.Some<string>

interface Deeper { readonly price: Price }
type Inner = ReadonlyArray<Deeper>
interface InBody { readonly never: true }
interface InResult { readonly never: true }

/** The same. */
export type Same = sums.Same

/** Takes money. */
export interface Till { readonly Service: { readonly ring: () => void } }

/** Adds a thing: its \`Price.cents\`, and \`Till.ring\`. */
export const add = (price: Price, inner: Inner = []): Price => { const x: InBody | undefined = undefined; return x ?? make(inner.length) }

/** What it costs to send. */
export const sending = () => (price: Price): Price => make((price as InResult & Price).cents)
`,
  "packages/shop/src/internal/sum.ts": `// Sums.
import type { Price } from "../Price.ts"

/** The sum of prices. And nothing else. */
export const sum = (prices: ReadonlyArray<Price>): number => prices.length
declare const Schema: { readonly Int: unknown }
/** Nobody sees this. */
export const unseen = Schema.Int
export interface Same {
  readonly same: true
}
export interface Some<A> {
  readonly some: A
}
`,
  "packages/shop/src/Cart.test.ts": "// No module.\nexport const test = 1\n",
  "packages/bare/package.json": manifest("@x/bare", "Without words", {
    "./Bare": "./src/Bare.ts",
    "./deep": "./src/deep/index.ts"
  }),
  "packages/bare/src/Bare.ts": `export const silent = 1

/** Goes to {@link nowhere}. */
export const lost = 2
`,
  "packages/bare/src/deep/index.ts": "// @x/bare/deep: more.\n/** So. */\nexport const so = 1\n",
  "packages/program/package.json": manifest("@x/program", "A program", { "./package.json": "./package.json" })
}
