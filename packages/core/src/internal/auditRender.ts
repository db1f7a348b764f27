// auditRender: causes and effects as lines of text, for people.
import * as DateTime from "effect/DateTime"
import type { Recorded } from "../EventData.ts"
import type { Node } from "./auditForest.ts"
import type { Tree } from "./auditTree.ts"

/** How trees are written down. */
export interface RenderOptions {
  /**
   * What a line says of an event: its stream, revision, type, time, actor and id unless given. What happened in detail,
   * the event's `data`, is only there where this gives it.
   */
  readonly line?: (event: Recorded) => string
  /** How many levels of effects are written down; of deeper ones only their number is. 40 unless given. */
  readonly depth?: number
}

/**
 * Trees as text: first the causes, each of which led to the next, then the event, marked ◀, and its effects below it.
 *
 * What was not found is said. Each event is one line: control and format characters of whoever wrote it are shown as
 * escapes, so that no stored text takes over a terminal. See {@link tree} for an example.
 */
export const render = (what: Tree | ReadonlyArray<Node>, options: RenderOptions = {}): string => {
  const { depth = 40, line = describe } = options
  const text = (event: Recorded): string => escaped(line(event))
  const forest = (roots: ReadonlyArray<Node>) =>
    roots.flatMap((root) => [`${text(root.event)}${unfound(root.event)}`, ...below(root, "", depth, text)])
  if (isForest(what)) return forest(what).join("\n")
  const { causes, event, hasMore, missing, orphans } = what
  const farther = hasMore.causes ? ["… more causes"] : missing === undefined ? [] : [escaped(`? ${missing}, not found`)]
  const path = [...farther, ...causes.map(text), `${text(event)} ◀`].map((one, i) => (i === 0 ? one : `→ ${one}`))
  const effects = below(what, path.length === 1 ? "" : "  ", depth, text)
  const more = hasMore.effects || hasMore.orphans ? ["… more"] : []
  return [...path, ...effects, ...forest(orphans), ...more].join("\n")
}

const isForest = (what: Tree | ReadonlyArray<Node>): what is ReadonlyArray<Node> => Array.isArray(what)

const unfound = ({ metadata }: Recorded): string =>
  metadata.causationId === undefined ? "" : escaped(` (its cause ${metadata.causationId} is not here)`)

interface Line {
  readonly node: Node
  readonly indent: string
  readonly level: number
  readonly isLast: boolean
}

/** The lines of what is below a node. Without recursion: a chain of reactions may be longer than any call stack. */
const below = (
  { effects }: Pick<Node, "effects">,
  indent: string,
  depth: number,
  text: (event: Recorded) => string
): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const open: Array<Line> = []
  const push = (nodes: ReadonlyArray<Node>, indent: string, level: number): void => {
    if (level > depth) {
      if (nodes.length > 0) lines.push(`${indent}└─ … ${countOf(nodes)} more`)
      return
    }
    for (let i = nodes.length - 1; i >= 0; i--) {
      open.push({ node: nodes[i] as Node, indent, level, isLast: i === nodes.length - 1 })
    }
  }
  push(effects, indent, 1)
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    lines.push(`${one.indent}${one.isLast ? "└─" : "├─"} ${text(one.node.event)}`)
    push(one.node.effects, `${one.indent}${one.isLast ? "   " : "│  "}`, one.level + 1)
  }
  return lines
}

const countOf = (nodes: ReadonlyArray<Node>): number => {
  const open = [...nodes]
  let count = 0
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    count += 1
    for (const effect of one.effects) open.push(effect)
  }
  return count
}

const describe = ({ id, metadata, recordedAt, revision, stream, type }: Recorded): string => {
  const by = metadata.actor === undefined ? "" : ` by ${metadata.actor}`
  return `${stream} ${revision} ${type}${by}, ${DateTime.formatIso(recordedAt)}, ${id}`
}

// Control and format characters, and line ends of all alphabets.
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const escaped = (text: string): string =>
  text.replace(unsafe, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`)
