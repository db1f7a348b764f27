// `pnpm mutants [backend] [law…]`: hands over to the mutants of Memory, or to those of the backend (or `core`) that is named first.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { root } from "./workspace.ts"

const backends = ["postgres", "nats", "core"]
const words = process.argv.slice(2)
const backend = backends.find((name) => name === words[0]?.toLowerCase())
const [folder, rest] = backend === undefined ? ["testing", words] : [backend, words.slice(1)]
const { status } = spawnSync(process.execPath, [join(root, `packages/${folder}/mutants/main.ts`), ...rest], {
  stdio: "inherit"
})
process.exitCode = status ?? 1
