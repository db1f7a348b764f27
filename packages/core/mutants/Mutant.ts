// Mutant: core with a few words of its source replaced, and the tests that must notice.

/** A broken core. */
export interface Mutant {
  /** What it is about: "metrics", "caches". */
  readonly item: string
  /** What is broken, in words. */
  readonly breaks: string
  /** The file below `src`, the text that is in it exactly once, and what stands there instead. */
  readonly by: readonly [file: string, find: string, replacement: string]
  /** The test files of core that are run, by the beginnings of their names. */
  readonly tests: ReadonlyArray<string>
}

/** A break without its item and its tests. */
export type Broken = readonly [breaks: string, file: string, find: string, replacement: string]

/** The breaks of one item, for which the same tests are run. */
export const all = (item: string, broken: ReadonlyArray<Broken>, tests: ReadonlyArray<string>): ReadonlyArray<Mutant> =>
  broken.map(([breaks, ...by]) => ({ item, breaks, by, tests }))
