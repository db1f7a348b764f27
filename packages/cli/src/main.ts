#!/usr/bin/env node
// evolvent: the program. What it needs is compiled once and kept by Node, so that it starts fast; then `run.ts` does the rest.
import { enableCompileCache } from "node:module"

enableCompileCache()
await import("./run.ts")
