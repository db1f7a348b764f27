// A release is held up by each thing that must not go out, and by nothing else.
import { expect, it } from "vitest"
import { obstacles, type ReleaseFacts } from "../check/releasable.ts"

const manifest = {
  name: "evolvent",
  version: "1.0.0",
  repository: { url: "git+https://example.org/evolvent.git" },
  publishConfig: { access: "public", provenance: true }
}

const ready: ReleaseFacts = {
  branch: "main",
  uncommitted: [],
  changesets: [],
  packages: [{ folder: "packages/core", manifest }],
  changelog: "# Changelog\n\n## 1.0.0 (2026-12-01)\n",
  identity: true
}

const { repository: _, ...homeless } = manifest

it("lets a release go out that is ready", () => {
  expect(obstacles(ready)).toEqual([])
})

it.each<[string, Partial<ReleaseFacts>]>([
  [`the branch is "next"`, { branch: "next" }],
  ["1 files are not committed, the first: M a.ts", { uncommitted: ["M a.ts"] }],
  [".changeset/new.md: run `pnpm exec changeset version`", { changesets: [".changeset/new.md"] }],
  ["CHANGELOG.md says nothing of 1.0.0", { changelog: "## 0.9.0" }],
  ["CHANGELOG.md calls 1.0.0 unreleased", { changelog: "## 1.0.0 (unreleased)" }],
  [`packages/core/package.json names no "repository"`, { packages: [{ folder: "packages/core", manifest: homeless }] }],
  [
    `no "publishConfig.provenance": true`,
    { packages: [{ folder: "packages/core", manifest: { ...manifest, publishConfig: { access: "public" } } }] }
  ],
  [
    `no "publishConfig.access": "public"`,
    { packages: [{ folder: "packages/core", manifest: { ...manifest, publishConfig: { provenance: true } } }] }
  ],
  [
    "the packages have different versions (1.0.0, 1.1.0)",
    {
      packages: [manifest, { ...manifest, version: "1.1.0" }].map((each) => ({ folder: "packages/x", manifest: each })),
      changelog: "## 1.0.0 (a)\n## 1.1.0 (b)"
    }
  ],
  ["no CI vouches for this machine", { identity: false }]
])("says: %s", (says, change) => {
  const found = obstacles({ ...ready, ...change })
  expect(found).toHaveLength(1)
  expect(found[0]).toContain(says)
})
