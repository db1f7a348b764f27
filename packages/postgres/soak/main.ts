// pnpm soak <what>: long runs under kills, each by its first word; exits with 1 when one finds a fault, with 2 for an unknown word.

const soaks: {
  readonly [name: string]: () => Promise<{ readonly soak: (args: ReadonlyArray<string>) => Promise<number> }>
} = {
  postgres: () => import("./postgres.ts"),
  processors: () => import("./processors/processors.ts"),
  rebuild: () => import("./rebuild/rebuild.ts")
}

const [name = "", ...args] = process.argv.slice(2)
const found = Object.hasOwn(soaks, name) ? soaks[name] : undefined
if (found === undefined) {
  console.error(`pnpm soak <what> [options]. There are: ${Object.keys(soaks).join(", ")}.`)
  process.exitCode = name === "--help" ? 0 : 2
} else {
  process.exitCode = await (await found()).soak(args)
}
