// tombstone: what is left of a stream that was removed, as the functions that append know it.

/** Whether a type, which may be null, is that of a tombstone: nothing is stored behind one. */
export const isTombstone = (type: string): string => `coalesce(${type}, '') IN ('$archived', '$deleted')`
