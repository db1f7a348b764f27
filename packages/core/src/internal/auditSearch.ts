// auditSearch: finds causes in events that come backwards, and effects in events that come forwards, page by page.
import type { Recorded } from "../EventData.ts"
import type { EventId } from "../EventId.ts"

type Page = ReadonlyArray<Recorded>

/**
 * Looks for an event, unless it is known, and then for its causes, in events that come backwards.
 *
 * A cause was stored before what it caused, so one way back finds all of them, and nothing is its own cause.
 */
export const causes = (id: EventId, known: Recorded | undefined, limit: number) => {
  let event = known
  const found: Array<Recorded> = []
  let wanted: string | undefined = known === undefined ? id : known.metadata.causationId
  return {
    /** The event, its causes from the direct one on, and the cause that was looked for last and not found. */
    result: () => ({ event, found, wanted }),
    /** Whether there is more to look for. */
    goesOn: (page: Page): boolean => {
      for (const one of page) {
        if (one.id !== wanted) continue
        if (event === undefined) event = one
        else found.push(one)
        wanted = one.metadata.causationId
        // One more than is wanted says that there is more.
        if (wanted === undefined || found.length > limit) return false
      }
      return true
    }
  }
}

/** Collects what an event led to, and what else is of its conversation, in events that come forwards behind it. */
export const effects = (event: Recorded, limit: number) => {
  const conversation = conversationOf(event)
  const ids = new Set<string>([event.id])
  const found: Array<Recorded> = []
  const others: Array<Recorded> = []
  const hasMore = { effects: false, others: false }
  return {
    found,
    others,
    hasMore,
    /** Whether there is room for more. */
    goesOn: (page: Page): boolean => {
      for (const one of page) {
        const { causationId } = one.metadata
        if (causationId !== undefined && ids.has(causationId)) {
          if (found.length >= limit) hasMore.effects = true
          if (hasMore.effects) return false
          ids.add(one.id)
          found.push(one)
        } else if (conversationOf(one) === conversation) {
          if (others.length < limit) others.push(one)
          else hasMore.others = true
        }
      }
      return true
    }
  }
}

// What an event outside of a conversation led to is of the conversation that it began.
const conversationOf = ({ id, metadata }: Recorded): string => metadata.correlationId ?? id

/** Looks for events with some ids; those that are found are taken out of them. */
export const absent = (ids: Set<string>) => ({
  goesOn: (page: Page): boolean => {
    for (const { id } of page) ids.delete(id)
    return ids.size > 0
  }
})
