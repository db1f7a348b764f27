// Broken ways of taking snapshots, and of beginning at them.
import { all } from "./Mutant.ts"
import type { Broken, Mutant } from "./Mutant.ts"

const policy = "internal/snapshotPolicy.ts"
const snapshot = "internal/snapshot.ts"

const broken: ReadonlyArray<Broken> = [
  [
    "an append that crosses the boundary misses it",
    policy,
    "grown.events >= every || Math.floor(count / every) > Math.floor((count - grown.appended) / every)",
    "count % every === 0"
  ],
  [
    "a stream that is new is too old",
    policy,
    "olderThan !== undefined && count > grown.appended",
    "olderThan !== undefined"
  ],
  ["bytes are characters", snapshot, "utf8Length(JSON.stringify(data))", "JSON.stringify(data).length"],
  ["a predicate is not asked", policy, "return when?.(grown) ?? false", "return false"],
  [
    "the rule of all is that of an aggregate with one of its own",
    policy,
    "rules.find(({ of }) => of?.some(({ name }) => name === aggregate)) ?? ",
    ""
  ],
  [
    "of two rules for one aggregate the second is never asked",
    policy,
    "if (new Set(named).size === named.length)",
    "if (named.length > 0)"
  ],
  ["what its store refused is tried with each command", snapshot, "triesOf(store).put(key,", "void (key,"],
  [
    "a predicate that throws fails the command",
    snapshot,
    "yield* Effect.catchCause(attempt, (cause) =>\n    Effect.as(Effect.logWarning(`No snapshot of ${stream}: its policy failed`, cause), since)\n  )",
    "yield* attempt"
  ],
  [
    "a snapshot is believed whatever its store has",
    snapshot,
    "since, lastEvent, isClaim: true }",
    "since, lastEvent, isClaim: false }"
  ],
  [
    "a snapshot of another state version is used",
    "internal/fingerprint.ts",
    "hexDigest(`${version}:${shape}`)",
    "hexDigest(shape)"
  ]
]

/** Broken snapshots. */
export const snapshots: ReadonlyArray<Mutant> = all("snapshots", broken, ["snapshotPolicy", "snapshot.test"])
