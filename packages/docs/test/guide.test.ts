// The guide has one order, the README's list, and whoever reads a page is led to the next one.
import { basename } from "node:path"
import { expect, it } from "vitest"
import { readFiles } from "../check/workspace.ts"

const [readme] = readFiles("README.md")
const pages = new Map(readFiles("packages/docs/guide/*.md").map(({ path, text }) => [basename(path), text]))
const order = [...(readme?.text ?? "").matchAll(/^\d+\. \[[^\]]+\]\(packages\/docs\/guide\/([^)]+)\)/gm)].map(
  ([, page = ""]) => page
)
const titleOf = (page: string): string | undefined => /^# (.*)$/m.exec(pages.get(page) ?? "")?.[1]

it("every page is in the README's list, once", () => {
  expect(order.toSorted()).toEqual([...pages.keys()].toSorted())
})

it.each(order)("%s ends with the next page, by its title", (page) => {
  const next = order[order.indexOf(page) + 1]
  const link = next === undefined ? "" : `Next: [${titleOf(next)}](${next}) · `
  expect(pages.get(page)?.split("\n").slice(-5)).toEqual([
    "",
    "---",
    "",
    `${link}[all pages](../../../README.md#read-on)`,
    ""
  ])
})
