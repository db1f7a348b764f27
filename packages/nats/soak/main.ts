// pnpm soak nats: writes, kills and reads on servers of its own, judges, and exits with 1 unless all is well.
import { soak } from "./command.ts"

const [name = "", ...args] = process.argv.slice(2)
if (name === "nats") process.exitCode = await soak(args)
else {
  console.error(`pnpm soak nats [options], but "${name}" was asked for.`)
  process.exitCode = 2
}
