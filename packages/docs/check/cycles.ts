// Finds import cycles: groups of modules that reach each other.

/** The cycles of a graph, each once, as a path that starts at its first module by name. */
export const findCycles = (edges: ReadonlyMap<string, ReadonlyArray<string>>): ReadonlyArray<ReadonlyArray<string>> => {
  const cycles: Array<ReadonlyArray<string>> = []
  const inCycle = new Set<string>()
  for (const start of [...edges.keys()].toSorted()) {
    if (inCycle.has(start)) continue
    const cycle = shortestWayBack(edges, start)
    if (cycle === undefined) continue
    for (const node of cycle) inCycle.add(node)
    cycles.push(cycle)
  }
  return cycles
}

/** Breadth first, so that what is reported is the shortest cycle through `start`: the easiest one to understand. */
const shortestWayBack = (
  edges: ReadonlyMap<string, ReadonlyArray<string>>,
  start: string
): ReadonlyArray<string> | undefined => {
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const node of queue) {
    for (const next of edges.get(node) ?? []) {
      if (next === start) {
        const path = [node]
        for (let at = node; at !== start;) {
          at = cameFrom.get(at) ?? start
          path.unshift(at)
        }
        return path
      }
      if (edges.has(next) && !cameFrom.has(next)) {
        cameFrom.set(next, node)
        queue.push(next)
      }
    }
  }
  return undefined
}
