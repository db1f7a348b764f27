// pnpm bench [name …]: measures and prints rows; exits with 1 when a budget is not met, with 2 for an unknown name.
import type { Row } from "./table.ts"

const benchmarks: { readonly [name: string]: () => Promise<{ readonly run: () => Promise<ReadonlyArray<Row>> }> } = {
  fold: () => import("./fold.ts"),
  "memory-store": () => import("./memoryStore.ts")
}

const asked = process.argv.slice(2)
if (asked.includes("--help")) {
  console.log(`pnpm bench [name …]: measures and prints rows. There are: ${Object.keys(benchmarks).join(", ")}.`)
  process.exit(0)
}
const unknown = asked.filter((name) => !Object.hasOwn(benchmarks, name))
if (unknown.length > 0) {
  console.error(`No benchmark is named ${unknown.join(", ")}. There are: ${Object.keys(benchmarks).join(", ")}.`)
  process.exit(2)
}
const rows: Array<Row> = []
for (const name of asked.length > 0 ? asked : Object.keys(benchmarks)) {
  const benchmark = await benchmarks[name]?.()
  rows.push(...((await benchmark?.run()) ?? []))
}
const missed = rows.filter((row) => row.met === false)
console.log(missed.length === 0 ? "\nEvery budget is met." : `\nNot met: ${missed.map((row) => row.what).join("; ")}.`)
process.exitCode = missed.length === 0 ? 0 : 1
