// The README shows the account example as it is: its blocks are the files, without their first line.
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

const root = new URL("../../../", import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), "utf8")

it.each(["domain.ts", "app.ts", "projections.ts"])("the block of %s is the example's file", (file) => {
  const block = new RegExp(`^\`\`\`ts file=${file}\\n(.*?)^\`\`\`$`, "ms").exec(read("README.md"))?.[1]
  expect(block).toBe(read(`packages/examples/src/account/${file}`).replace(/^\/\/.*\n/, ""))
})

it("the account example takes under 60 lines", () => {
  const lines = ["domain.ts", "app.ts"].flatMap((file) =>
    read(`packages/examples/src/account/${file}`).trimEnd().split("\n").slice(1)
  )
  expect(lines.length).toBeLessThan(60)
})
