// auditForest: events as trees, each below the event that caused it.
import type { Recorded } from "../EventData.ts"

/** An event, and what it led to, in the order of the store. */
export interface Node {
  readonly event: Recorded
  readonly effects: ReadonlyArray<Node>
}

interface Growing extends Node {
  readonly effects: Array<Growing>
}

/**
 * Events as trees: each below the event that caused it, in the order of the store, whatever order they come in.
 *
 * Those without a cause are roots, and so are those whose cause is not among the given events. A cause stands before its
 * effects, so no event is below itself; what claims to be caused by a later event is a root as well.
 */
export const forest = (events: Iterable<Recorded>): ReadonlyArray<Node> => {
  const nodes = new Map<string, Growing>()
  const roots: Array<Growing> = []
  for (const event of [...events].sort((a, b) => a.position - b.position)) {
    if (nodes.has(event.id)) continue
    const node: Growing = { event, effects: [] }
    const { causationId } = event.metadata
    const cause = causationId === undefined ? undefined : nodes.get(causationId)
    ;(cause?.effects ?? roots).push(node)
    nodes.set(event.id, node)
  }
  return roots
}
