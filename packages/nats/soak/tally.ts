// tally: what was counted in a soak, and the first findings in words; every judge adds to the same one.

/** What must be nothing. */
export const laws = [
  /** Acknowledged, and not stored. */
  "lost",
  /** Stored, and never given to a subscription or a group that had passed it. */
  "missed",
  /** Given to a subscription twice. */
  "repeated",
  /** Stored, given or handled in another order than that of its stream or key. */
  "reordered",
  /** Revisions that are not there. */
  "holes",
  /** Stored twice. */
  "duplicates",
  /** Content that is not that of its id, or times that go back. */
  "spoiled",
  /** Stored although it was refused, or though nobody brought it. */
  "unasked",
  /** Appends of which a part is stored. */
  "torn",
  /** Answers that are not what is stored, and conflicts where there was none. */
  "wrong",
  /** Given or handled, and not stored. */
  "invented",
  /** Checkpoints moved by a lease that was lost. */
  "stolen",
  /** Subscriptions and reads that ended with an error. */
  "failed",
  /** Readers that never came to the end. */
  "stalled",
  /** Processes that ended by themselves. */
  "accidents"
] as const

/** What else is counted. */
export const counts = [
  "appends",
  "events",
  "conflicts",
  "repeats",
  "refused",
  "unknown",
  "delivered",
  "messages",
  "publishedAgain",
  "handled",
  "handledAgain",
  "commits",
  "takeovers",
  "serverKills",
  "serverPauses",
  "leaderChanges",
  "writerKills",
  "readerKills",
  "stops",
  "cuts",
  "halfCloses",
  "stalls",
  "oneWay",
  "refusedAsFull"
] as const

export type Law = (typeof laws)[number]
export type Count = (typeof counts)[number]

/** What was counted, and the first findings. */
export interface Tally {
  readonly is: Record<Law | Count, number>
  /** The longest that an append or a publish took until it went through, in milliseconds. */
  longestOutage: number
  readonly findings: Array<string>
  /** A law was broken. */
  readonly broke: (law: Law, problem: string, times?: number) => void
  readonly add: (count: Count, times?: number) => void
}

// Of each law, so that one that is broken often does not hide the others.
const shownFindings = 6

export const make = (): Tally => {
  const is = Object.fromEntries([...laws, ...counts].map((name) => [name, 0])) as Record<Law | Count, number>
  const findings: Array<string> = []
  const shown: Partial<Record<Law, number>> = {}
  return {
    is,
    longestOutage: 0,
    findings,
    broke: (law, problem, times = 1) => {
      is[law] += times
      shown[law] = (shown[law] ?? 0) + 1
      if (shown[law] <= shownFindings) findings.push(`${law}: ${problem}`)
    },
    add: (count, times = 1) => {
      is[count] += times
    }
  }
}
