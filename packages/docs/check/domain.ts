// A domain file of the examples knows its business and nothing of storage: not by import, not by word.
import type { Violation } from "./arrows.ts"
import type { Import } from "./imports.ts"
import type { SourceFile } from "./workspace.ts"

/** The modules that define things without running them, and the names by which the barrel exports them. */
const definitions = ["Aggregate", "Projection", "ProcessManager", "Upcaster"]

/** Words that only somebody who stores events needs. Singular; a plural counts as the same word. */
const storageWords = new Set(
  (
    "postgres postgresql pg nats jetstream memory sql sqlite mysql db database store stored storage table redis " +
    "kafka mongo mongodb dynamo dynamodb cassandra disk filesystem bucket persist persisted persistence " +
    "snapshot checkpoint backend"
  ).split(" ")
)

/** Whether a path is a domain file of the examples. */
export const isDomainFile = (path: string): boolean => /^packages\/examples\/src\/(.+\/)?domain\.ts$/.test(path)

const judge = ({ specifier, names }: Import): string | undefined => {
  if (specifier === undefined) return "a computed import"
  if (specifier === "effect" || /^effect\/[A-Z]\w*$/.test(specifier)) return undefined
  // Another domain file obeys the same rule.
  if (/^\.{1,2}\/(.+\/)?domain\.ts$/.test(specifier)) return undefined
  if (definitions.some((name) => specifier === `evolvent/${name}`)) return undefined
  if (specifier !== "evolvent") return `"${specifier}"`
  // Everything is behind the barrel, so here the names count.
  if (names === "*") return `all of "evolvent"`
  const others = names.filter((name) => !definitions.includes(name))
  return others.length === 0 ? undefined : `${others.join(", ")} of "evolvent"`
}

/** The words of a text with their lines: `fromEventStore` also has `store` in it, `restore` is one word of its own. */
const wordsOf = (text: string): ReadonlyArray<readonly [word: string, line: number]> =>
  text.split("\n").flatMap((line, index) =>
    (line.match(/[A-Za-z]+/g) ?? []).flatMap((name) => {
      const parts = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []
      return [...new Set([name, ...parts].map((word) => word.toLowerCase()))].map((word) => [word, index + 1] as const)
    })
  )

/** What a domain file imports or says that it must not. */
export const checkDomain = ({ path, text }: SourceFile, imports: ReadonlyArray<Import>): ReadonlyArray<Violation> => [
  ...imports.flatMap((each) => {
    const found = judge(each)
    const message = `a domain imports effect and ${definitions.join(", ")}, not ${found}`
    return found === undefined ? [] : [{ rule: "domain-import", path, line: each.line, message }]
  }),
  ...wordsOf(text).flatMap(([word, line]) =>
    storageWords.has(word) || storageWords.has(word.replace(/s$/, ""))
      ? [{ rule: "domain-word", path, line, message: `"${word}" is a storage word` }]
      : []
  )
]
