// pnpm soak <what>: long runs under kills, each by its first word; exits with 1 when one finds a fault, with 2 for an unknown word.

/** Where each is started; it looks for its name and options on the command line by itself. */
const soaks: Readonly<Record<string, string>> = {
  postgres: "../../postgres/soak/main.ts",
  processors: "../../postgres/soak/main.ts",
  rebuild: "../../postgres/soak/main.ts",
  nats: "../../nats/soak/main.ts",
  relay: "./relay/main.ts"
}

const [name = ""] = process.argv.slice(2)
const file = Object.hasOwn(soaks, name) ? soaks[name] : undefined
if (file === undefined) {
  console.error(`pnpm soak <what> [options]. There are: ${Object.keys(soaks).join(", ")}.`)
  process.exitCode = name === "--help" ? 0 : 2
} else {
  await import(new URL(file, import.meta.url).href)
}
