// Every package that has tests, as one project each; scripts pass this file by name (vitest no longer looks for it).
import { defineConfig } from "vitest/config"

const project = (name: string, include: ReadonlyArray<string> = ["test/**/*.test.ts"]) => ({
  test: { name, root: `packages/${name}`, include: [...include] }
})

export default defineConfig({
  test: {
    projects: [
      project("core"),
      project("testing"),
      project("embedded-postgres"),
      project("postgres"),
      project("nats-server"),
      project("nats"),
      project("examples", ["src/**/*.test.ts", "test/**/*.test.ts"]),
      project("benchmarks"),
      project("docs")
    ]
  }
})
