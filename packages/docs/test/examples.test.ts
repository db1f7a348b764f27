// The documents' blocks are found where they stand, compiled as they are and held to their `// =>`.
import { rmSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { instrument } from "../check/assertions.ts"
import { extract } from "../check/blocks.ts"
import { matches, printsLike } from "../check/compare.ts"
import { checkExamples, formatProblem, scratch } from "../check/examples.ts"
import { root } from "../check/workspace.ts"

const ticks = "```"

describe("extract", () => {
  it("finds the blocks of a Markdown document and their lines", () => {
    const text = `# Title\n\n${ticks}ts\nconst a = 1\n${ticks}\n\n${ticks}sh\nls\n${ticks}\n- item\n  ${ticks}ts file=domain.ts\n  const b = 2\n    + 1\n  ${ticks}\n`
    expect(extract({ path: "README.md", text })).toEqual({
      problems: [],
      blocks: [
        { path: "README.md", line: 4, indent: 0, code: "const a = 1\n", file: undefined },
        { path: "README.md", line: 12, indent: 2, code: "const b = 2\n  + 1\n", file: "domain.ts" }
      ]
    })
  })

  it("finds the blocks of doc comments, and of no other comment or string", () => {
    const text = [
      `const glob = "src/**/*.ts"`,
      `/* ${ticks}ts`,
      `no ${ticks} */`,
      `interface A {`,
      `  /**`,
      `   * Doubles.`,
      `   *`,
      `   * ${ticks}ts`,
      `   * const a = {`,
      `   *   b: 1`,
      `   * }`,
      `   * ${ticks}`,
      `   */`,
      `  readonly double: number`,
      `}`
    ].join("\n")
    expect(extract({ path: "packages/core/src/A.ts", text }).blocks).toEqual([
      { path: "packages/core/src/A.ts", line: 9, indent: 5, code: "const a = {\n  b: 1\n}\n", file: undefined }
    ])
  })

  it.each(["ts ignore", "typescript nocheck", "ts file=../x.ts", "tsx whatever"])("refuses %s", (info) => {
    const { blocks, problems } = extract({ path: "README.md", text: `\n${ticks}${info}\nx\n${ticks}\n` })
    expect(blocks).toEqual([])
    expect(problems).toMatchObject([{ path: "README.md", line: 2 }])
  })

  it("refuses a block that never ends", () => {
    expect(extract({ path: "README.md", text: `${ticks}ts\nx\n` }).problems).toMatchObject([{ line: 1 }])
  })
})

describe("instrument", () => {
  it("moves nothing to another line", () => {
    const code = `const a = {\n  b: 1\n} // => { b: 1 }\na.b // => 1\nconsole.log(\n  a\n)\n// => { b: 1 }\n`
    const { assertions, code: instrumented, problems } = instrument(code)
    expect(problems).toEqual([])
    expect(assertions.map(({ line }) => line)).toEqual([3, 4, 8])
    expect(instrumented.split("\n").length).toBe(code.split("\n").length)
  })

  it("joins the lines that continue an expectation", () => {
    const { assertions } = instrument(`a // => { b: 1,\n  //      c: 2 }\n// a remark\n`)
    expect(assertions).toEqual([{ line: 1, expected: "{ b: 1,\n      c: 2 }" }])
  })

  it("knows a comment from a string", () => {
    expect(instrument(`const a = "x // => 1"\nconst b = \`\${a} // => 2\`\n`).assertions).toEqual([])
  })

  it.each([
    ["nothing to check", `// => 1`],
    ["nothing expected", `f() // =>`],
    ["no expression", `f() // => one two`],
    ["a statement that has no value", `if (a) { b() } // => 1`],
    ["nothing printed", `console.log() // => 1`]
  ])("refuses %s", (_, code) => {
    expect(instrument(`${code}\n`).problems).toMatchObject([{ line: 1 }])
  })
})

describe("matches", () => {
  class Rejected {
    readonly _tag = "Rejected"
    readonly status = "none"
  }
  it.each([
    [{ a: [1, { b: 2n }] }, { a: [1, { b: 2n }] }],
    [new Rejected(), { _tag: "Rejected", status: "none" }],
    [new Map([[1, 2]]), new Map([[1, 2]])],
    [Number.NaN, Number.NaN]
  ])("%o like %o", (actual, expected) => {
    expect(matches(actual, expected)).toBe(true)
  })
  it.each([
    [1, "1"],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1, b: 2 }, { a: 1 }],
    [{ a: undefined }, {}],
    [[1], [1, 2]],
    [{}, []],
    [new Date(0), {}],
    [new Map([[1, 2]]), new Map([[1, 3]])],
    [new Map([[1, 2]]), new Map()],
    [Promise.resolve(1), {}],
    [null, {}]
  ])("%o unlike %o", (actual, expected) => {
    expect(matches(actual, expected)).toBe(false)
  })
  it("compares what is printed by its words", () => {
    expect(printsLike("a  b\n c", "a b c")).toBe(true)
    expect(printsLike("ab", "a b")).toBe(false)
  })
})

describe("checkExamples", () => {
  const folder = `test-${process.pid}`
  afterAll(() => rmSync(join(root, scratch, folder), { recursive: true, force: true }))

  it("compiles and runs blocks, and says at which line of which document one fails", { timeout: 60_000 }, async () => {
    const block = (...lines: ReadonlyArray<string>) => `${ticks}ts\n${lines.join("\n")}\n${ticks}\n`
    const good = [
      `${ticks}ts file=domain.ts\nexport const owner: string = "ada"\nowner // => "ada"\n${ticks}\n`,
      block(
        `import * as Console from "effect/Console"`,
        `import * as Effect from "effect/Effect"`,
        `import { owner } from "./domain.ts"`,
        `const program = Effect.gen(function*() {`,
        `  yield* Effect.succeed(1) // => 1`,
        `  yield* Console.log("hello", owner) // => hello ada`,
        `  return { owner }`,
        `})`,
        `await Effect.runPromise(program) // => { owner: "ada" }`,
        `const twice = 2 * 2 // => 4`,
        `console.log({ twice },`,
        `  "a")`,
        `// => { twice: 4 }`,
        `//    a`
      ),
      // Not awaited, and still waited for.
      block(`setTimeout(() => {`, `  owner() // => "ada"`, `}, 50)`, `const owner = () => "ada"`),
      block(`process.on("exit", () => {})`, `process.pid > 0 // => true`, `process.exit(0)`)
    ].join("\n")
    const files = [
      { path: "good.md", text: good },
      { path: "wrong.md", text: `\n\n${block(`const one: number = 1`, `one // => 2`)}` },
      { path: "printed.md", text: block(`console.log("a", 1) // => a 2`) },
      { path: "types.md", text: `text\n\n${block(`const a = 1`, `const one: string = a`)}` },
      { path: "strict.md", text: block(`const first: string = [""][0]`) },
      { path: "unreached.md", text: block(`const f = () => {`, `  1 // => 1`, `}`) },
      { path: "throws.md", text: block(`const no = () => {`, `  throw new Error("no")`, `}`, `no() // => 1`) },
      { path: "exits.md", text: block(`process.exit(0)`, `1 // => 1`) },
      { path: "ignored.md", text: `${ticks}ts ignore\nx\n${ticks}\n` }
    ]
    const { assertions, blocks, problems } = await checkExamples(folder, files)
    // The compiler may also have something to say about the library itself; that is for `check` to report.
    const about = problems.filter(({ path }) => path.endsWith(".md"))
    expect(about.map((each) => formatProblem(each).split("\n")[0])).toEqual([
      expect.stringMatching(/^exits\.md:2: it ended its process early/),
      expect.stringMatching(/^ignored\.md:1: "ignore" is not understood/),
      expect.stringMatching(/^printed\.md:2: prints a 1/),
      expect.stringMatching(/^strict\.md:2: error TS2322/),
      expect.stringMatching(/^throws\.md:3: Error: no/),
      expect.stringMatching(/^types\.md:5: error TS2322/),
      expect.stringMatching(/^unreached\.md:3: never came to => 1/),
      expect.stringMatching(/^wrong\.md:5: gives 1, not 2/)
    ])
    expect({ assertions, blocks }).toEqual({ assertions: 13, blocks: 11 })
  })
})
