#!/usr/bin/env node
// evolvent: the program. What it needs is compiled once and kept by Node, so that it starts fast; then `run.ts` does the rest.
import { enableCompileCache } from "node:module"
import { withoutSecrets } from "./secrets.ts"

enableCompileCache()
// Everybody on this machine can list processes with their arguments, for as long as `tail -f` runs.
const words = [process.argv0, ...process.execArgv, ...process.argv.slice(1)].join(" ")
if (withoutSecrets(words) !== words) process.title = withoutSecrets(words)
await import("./run.ts")
