// witness: what readers saw of a log, as evidence that it is the log which they have read: a server that lost its end draws
// the same numbers again, for other messages.
import type { StoredMessage } from "./jetstream.ts"

/** A message that was seen: its number, and when the server stored it, in epoch milliseconds. */
export interface Seen {
  readonly sequence: number
  readonly time: number
}

// As many as checkpoints that are written down late.
const most = 10_000

/** What readers of this process saw last when they had come through a number; checkpoints write it down, and bring it back. */
export const make = () => {
  const through = new Map<number, Seen>()
  return {
    /** A reader has come through a number, or a checkpoint says that one had. */
    saw: (sequence: number, seen: Seen): void => {
      through.delete(sequence)
      if (through.size >= most) for (const oldest of through.keys()) if (through.delete(oldest)) break
      through.set(sequence, seen)
    },
    of: (sequence: number): Seen | undefined => through.get(sequence)
  }
}

export type Witness = ReturnType<typeof make>

/** Whether the message that stands there now is the one that was seen; of one that was removed since, nobody knows. */
export const isSame = ({ time }: Seen, message: StoredMessage | undefined): boolean =>
  message === undefined || Date.parse(message.time) === time
