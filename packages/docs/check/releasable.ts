// What stands in the way of a release, each with what to do about it.
import type { Manifest } from "./published.ts"

/** What is looked at before a release. */
export interface ReleaseFacts {
  readonly branch: string
  /** What git calls changed or unknown. */
  readonly uncommitted: ReadonlyArray<string>
  /** Changesets that no version has taken up yet. */
  readonly changesets: ReadonlyArray<string>
  readonly packages: ReadonlyArray<{ readonly folder: string; readonly manifest: Manifest }>
  readonly changelog: string
  /** The CI vouches for where this runs. */
  readonly identity: boolean
}

/** All obstacles at once, so that nobody meets them one by one. */
export const obstacles = (facts: ReleaseFacts): ReadonlyArray<string> => {
  const found: Array<string> = []
  const { branch, changelog, changesets, identity, packages, uncommitted } = facts
  if (branch !== "main") found.push(`the branch is "${branch}": releases are made from main`)
  if (uncommitted.length > 0) found.push(`${uncommitted.length} files are not committed, the first: ${uncommitted[0]}`)
  if (changesets.length > 0) {
    found.push(
      `${changesets.join(", ")}: run \`pnpm exec changeset version\`, which takes them into a version, and commit`
    )
  }
  const versions = new Set(packages.map(({ manifest }) => manifest.version))
  if (versions.size > 1)
    found.push(`the packages have different versions (${[...versions].join(", ")}): they go together`)
  for (const version of versions) {
    const heading = changelog.split("\n").find((line) => line.startsWith(`## ${version}`))
    if (heading === undefined) found.push(`CHANGELOG.md says nothing of ${version}`)
    else if (heading.includes("unreleased")) found.push(`CHANGELOG.md calls ${version} unreleased: write its date`)
  }
  for (const { folder, manifest } of packages) {
    const url = typeof manifest.repository === "string" ? manifest.repository : manifest.repository?.url
    if (url === undefined)
      found.push(`${folder}/package.json names no "repository", which the provenance is checked against`)
    const { access, provenance } = manifest.publishConfig ?? {}
    if (access !== "public") found.push(`${folder}/package.json has no "publishConfig.access": "public"`)
    if (provenance !== true) found.push(`${folder}/package.json has no "publishConfig.provenance": true`)
  }
  if (!identity) found.push("no CI vouches for this machine: run it in a workflow with `id-token: write`")
  return found
}
