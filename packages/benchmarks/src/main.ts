// pnpm bench [name …]: measures and prints rows; exits with 1 when a budget is not met, with 2 for an unknown name.
import type { Context } from "./contest.ts"
import type { NatsServer } from "./natsServer.ts"
import * as Options from "./options.ts"
import type { Server } from "./server.ts"
import type { Row } from "./table.ts"

interface Benchmark {
  readonly run: (context: Context) => Promise<ReadonlyArray<Row>>
}

const benchmarks: { readonly [name: string]: () => Promise<Benchmark> } = {
  fold: () => import("./fold.ts"),
  "memory-store": () => import("./memoryStore.ts"),
  append: () => import("./append.ts"),
  load: () => import("./load.ts"),
  read: () => import("./read.ts"),
  projection: () => import("./projection.ts"),
  evolution: () => import("./evolution.ts"),
  nats: () => import("./nats.ts"),
  scale: () => import("./scale.ts")
}

// Takes too long to run unasked.
const onlyByName = new Set(["nats", "scale"])

const names = Object.keys(benchmarks)
const args = process.argv.slice(2)
if (args.includes("--help")) {
  console.log(`pnpm bench [name …]: measures and prints rows. There are: ${names.join(", ")}.${Options.help}`)
  process.exit(0)
}
const parsed = Options.parse(args)
if (typeof parsed === "string") {
  console.error(parsed)
  process.exit(2)
}
const { names: asked, options } = parsed
const unknown = asked.filter((name) => !Object.hasOwn(benchmarks, name))
if (unknown.length > 0) {
  console.error(`No benchmark is named ${unknown.join(", ")}. There are: ${names.join(", ")}.`)
  process.exit(2)
}

let server: Promise<Server> | undefined
const startServer = async (): Promise<Server> => {
  const { start } = await import("./server.ts")
  // A run that only shows that everything runs need not wait for that.
  const started = await start({ isWorn: options.seconds >= 1 })
  console.log(started.description)
  return started
}

let nats: Promise<NatsServer> | undefined
const startNats = async (): Promise<NatsServer> => {
  const { start } = await import("./natsServer.ts")
  const started = await start(options.natsVersion)
  console.log(started.description)
  return started
}

const context: Context = {
  options,
  server: () => (server ??= startServer()),
  nats: () => (nats ??= startNats())
}
const close = async (): Promise<void> => {
  await (await server)?.close()
  await (await nats)?.close()
}

// Whoever stops a benchmark half-way gets his server back as it was.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void close().finally(() => process.exit(130))
  })
}

const rows: Array<Row> = []
try {
  for (const name of asked.length > 0 ? asked : names.filter((name) => !onlyByName.has(name))) {
    const benchmark = await benchmarks[name]?.()
    rows.push(...((await benchmark?.run(context)) ?? []))
  }
} finally {
  await close()
}
const missed = rows.filter((row) => row.met === false)
if (!rows.some((row) => row.met !== undefined)) console.log("\nNothing was judged.")
else if (missed.length === 0) console.log("\nEvery budget is met.")
else
  console.log(
    `\nNot met: ${missed.map(({ against = "", what }) => (against === "" ? what : `${what} (${against})`)).join("; ")}.`
  )
process.exitCode = missed.length === 0 ? 0 : 1
