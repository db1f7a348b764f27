// silence: for how long those who hold something have not been heard of, by this process's own clock and no other.
import type { CheckpointDocument, Held } from "./checkpointDocument.ts"

interface Heard {
  readonly beat: string
  readonly since: number
}

const documentsKept = 1000

/**
 * Remembers since when each beat has been there, counted from when this process first saw it. A process that has just
 * started has to listen for as long as a holder may be silent before it takes anything over.
 */
export const make = () => {
  const documents = new Map<string, ReadonlyMap<string, Heard>>()

  return {
    /** Looks at a document; gives whether a holder in it has been silent for longer than it may. */
    listen: (key: string, { members, slots }: CheckpointDocument): ((held: Held) => boolean) => {
      const now = performance.now()
      const before = documents.get(key)
      const heard = new Map<string, Heard>()
      const hear = ({ beat }: Held): void => {
        heard.set(beat, before?.get(beat) ?? { beat, since: now })
      }
      for (const field in slots) {
        const lease = slots[field]?.lease
        if (lease !== undefined) hear(lease)
      }
      for (const member of members) hear(member)
      // The last that was looked at stands at the end.
      documents.delete(key)
      documents.set(key, heard)
      if (documents.size > documentsKept) {
        for (const [oldest] of documents) {
          documents.delete(oldest)
          break
        }
      }
      return ({ beat, duration }) => now - (heard.get(beat)?.since ?? now) >= duration
    }
  }
}
