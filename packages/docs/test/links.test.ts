// Links between the documents lead somewhere: the file is there, and so is the heading.
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { expect, it } from "vitest"
import { anchorsOf, prose } from "../check/reference/anchors.ts"
import { readFiles, root } from "../check/workspace.ts"

const documents = readFiles(
  "README.md",
  "packages/*/README.md",
  "packages/docs/{guide,decisions}/*.md",
  "packages/docs/reference/**/*.md"
)

/** The anchors of a document. */
const anchors = (text: string): ReadonlySet<string> =>
  new Set(anchorsOf([...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading)))

const broken = (path: string, text: string): ReadonlyArray<string> =>
  [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return []
    const [file = "", anchor] = target.split("#")
    const there = file === "" ? path : join(dirname(path), file).replaceAll("\\", "/")
    if (!existsSync(join(root, there))) return [`${path} links to ${target}, and there is no such file`]
    const document = documents.find((each) => each.path === there)
    const isFound = anchor === undefined || document === undefined || anchors(document.text).has(anchor)
    return isFound ? [] : [`${path} links to ${target}, and ${there} has no such heading`]
  })

it("every link leads somewhere", () => {
  expect(documents.length).toBeGreaterThan(50)
  expect(documents.flatMap(({ path, text }) => broken(path, text))).toEqual([])
})

it("one that does not is found", () => {
  expect(
    broken("README.md", "[a](packages/docs/guide/gone.md) [b](#gone) [c](packages/docs/guide/tour.md#gone)")
  ).toEqual([
    expect.stringContaining("no such file"),
    expect.stringContaining("README.md has no such heading"),
    expect.stringContaining("tour.md has no such heading")
  ])
})

it("every page of the guide is in the README's list", () => {
  const readme = documents.find(({ path }) => path === "README.md")?.text ?? ""
  const missing = documents.filter(
    ({ path }) => path.startsWith("packages/docs/guide/") && !readme.includes(`(${path})`)
  )
  expect(missing.map(({ path }) => path)).toEqual([])
})
