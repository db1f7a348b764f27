// Every package that has tests, as one project each; scripts pass this file by name (vitest no longer looks for it).
import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

const project = (name: string, include: ReadonlyArray<string> = ["test/**/*.test.ts"]) => ({
  test: { name, root: `packages/${name}`, include: [...include] }
})

export default defineConfig({
  test: {
    // Most of them wait for servers and clocks: one more than vitest would take on a small machine.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      project("core"),
      project("testing"),
      project("embedded-postgres"),
      project("postgres"),
      project("nats-server"),
      project("nats"),
      project("cli"),
      project("examples", ["src/**/*.test.ts", "test/**/*.test.ts"]),
      project("benchmarks"),
      project("docs")
    ]
  }
})
