// serverVersion: what a server of a version can do, and what it gets wrong.

const isFrom = (version: string, ...least: readonly [major: number, minor: number, patch: number]): boolean => {
  const parts = version.split(".").map((part) => Number.parseInt(part, 10))
  for (const [i, wanted] of least.entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}

/** Whether several messages can be stored at once, or none of them. */
export const isAtomic = (version: string): boolean => isFrom(version, 2, 12, 0)

/**
 * Whether of two writers that expect the same last message of a subject only one wins, also where a stream has replicas.
 *
 * Before 2.9.21 the leader of a replicated stream looked at what was stored, but not at what was on its way to the others
 * (nats-server issue 4320): several writers won, and all were acknowledged.
 */
export const comparesReplicas = (version: string): boolean => isFrom(version, 2, 9, 21)
