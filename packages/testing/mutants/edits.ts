// Broken contracts: this package with a few words of its source replaced, and the tests of it that must notice.
import type { Edit } from "@evolvent/testing/mutants"

interface Edited {
  readonly item: string
  /** What is broken, in words. */
  readonly breaks: string
  readonly by: Edit
  /** The test files that are run, by the beginnings of their names. */
  readonly tests: ReadonlyArray<string>
}

const contract = "internal/contract.ts"
const versions = "internal/versionSchemas.ts"

const broken: ReadonlyArray<readonly [breaks: string, ...by: Edit]> = [
  [
    "a version may be edited",
    contract,
    "if (!byValue(version.document, schema))",
    "if (version.document === undefined)"
  ],
  [
    "a version that is gone is not missed",
    contract,
    "problemOf(aggregate, version, golden.success)",
    "version && problemOf(aggregate, version, golden.success)"
  ],
  [
    "samples need not be decoded",
    contract,
    "if (Result.isSuccess(decoded)) continue",
    "if (decoded !== undefined) continue"
  ],
  ["a hole of the history is filled", contract, "if (later !== undefined)", "if (later === null)"],
  [
    "writing what is new writes a changed fold",
    contract,
    "if (golden.success.fingerprint === fingerprint)",
    "if (!update && golden.success.fingerprint === fingerprint)"
  ],
  ["a changed fold is not noticed", contract, "!byValue(state, states.success[i])", "state === undefined"],
  [
    "each sample is folded from the beginning",
    contract,
    "for (const event of decoded.success) state = evolve(state, event)",
    "state = decoded.success.reduce(evolve, initial)"
  ],
  [
    "what is new is written unasked",
    contract,
    "} else if (update) {\n        const data",
    "} else if (files.length >= 0) {\n        const data"
  ],
  [
    "samples are others each time",
    versions,
    "seed: `${about.type} ${about.schemaVersion}`",
    "seed: String(Math.random())"
  ],
  [
    "a description is a part of the shape",
    versions,
    '!(words.has(key) && typeof part === "string")',
    "key !== undefined"
  ]
]

/** Broken contracts. */
export const edits: ReadonlyArray<Edited> = broken.map(([breaks, ...by]) => ({
  item: "contracts",
  breaks,
  by,
  tests: ["Contract.test"]
}))
