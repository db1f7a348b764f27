// checkpointEdits: what becomes of a document of checkpoints when they move, stop, and change hands.
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { Lease, Member, Move, Stopped } from "evolvent/CheckpointStore"
import { CheckpointMoved, LeaseLost } from "evolvent/CheckpointStoreError"
import { slotOf, withMembers, withSlots } from "./checkpointDocument.ts"
import type { CheckpointDocument, Held, Place, Slot } from "./checkpointDocument.ts"
import { newId } from "./document.ts"
import type { Seen } from "./witness.ts"

/** Something of a checkpoint, and where that checkpoint is. */
export interface At<A> extends Place {
  readonly one: A
}

/** What becomes of a document; the same one where nothing does. `isSilent` tells of whom nothing was heard for too long. */
export type Edit<E> = (
  document: CheckpointDocument,
  isSilent: (held: Held) => boolean
) => Result.Result<CheckpointDocument, E>

// JSON has no infinity; a lease for ever is one of more years than there will be.
export const milliseconds = (duration: Duration.Duration): number =>
  Math.min(Duration.toMillis(duration), Number.MAX_SAFE_INTEGER)

const firstLost = (document: CheckpointDocument, leases: ReadonlyArray<At<Lease>>): LeaseLost | undefined => {
  for (const { field, one } of leases) {
    const { holder, name, token } = one
    const slot = slotOf(document, field)
    if (slot.lease?.holder !== holder || slot.token !== token) return new LeaseLost({ name, holder, token })
  }
  return undefined
}

/** Why moves cannot be made. */
export const refusal = (
  document: CheckpointDocument,
  moves: ReadonlyArray<At<Move>>
): LeaseLost | CheckpointMoved | undefined => {
  const leaseLost = firstLost(
    document,
    moves.flatMap(({ field, key, one: { lease } }) => (lease === undefined ? [] : [{ key, field, one: lease }]))
  )
  if (leaseLost !== undefined) return leaseLost
  for (const { field, one } of moves) {
    const { position } = slotOf(document, field)
    if (position !== one.from) {
      return new CheckpointMoved({ name: one.name, expected: one.from, actual: position })
    }
  }
  return undefined
}

/** Moves checkpoints of one document; one that this very call has moved was moved with all others. */
export const move =
  (
    moves: ReadonlyArray<At<Move>>,
    id: string,
    seenAt: (position: number) => Seen | undefined
  ): Edit<CheckpointMoved | LeaseLost> =>
  (document) => {
    if (moves.some(({ field }) => slotOf(document, field).by === id)) return Result.succeed(document)
    const refused = refusal(document, moves)
    if (refused !== undefined) return Result.fail(refused)
    return Result.succeed(
      withSlots(
        document,
        moves.map(({ field, one: { to } }) => {
          const { stopped: _, ...slot } = slotOf(document, field)
          // Where nothing is known of so far, what was seen before is evidence as well.
          const seen = seenAt(to)
          return [field, { ...slot, position: to, by: id, ...(seen === undefined ? {} : { seen }) }]
        })
      )
    )
  }

/** Writes down on what a consumer stopped. */
export const stop =
  ({ field, key, one }: At<Stopped>, lease: Lease | undefined): Edit<LeaseLost> =>
  (document) => {
    const leaseLost = lease === undefined ? undefined : firstLost(document, [{ key, field, one: lease }])
    if (leaseLost !== undefined) return Result.fail(leaseLost)
    const { eventId, position, problem, stream } = one
    const stopped = {
      problem,
      ...(eventId === undefined ? {} : { eventId }),
      ...(stream === undefined ? {} : { stream }),
      ...(position === undefined ? {} : { position })
    }
    return Result.succeed(withSlots(document, [[field, { ...slotOf(document, field), stopped }]]))
  }

/** Takes the leases that can be had; `took` is told which these are. */
export const acquire =
  (
    names: ReadonlyArray<At<string>>,
    holder: string,
    duration: Duration.Duration,
    took: (leases: ReadonlyArray<Lease>) => void
  ): Edit<never> =>
  (document, isSilent) => {
    const slots: Array<readonly [string, Slot]> = []
    const leases: Array<Lease> = []
    for (const { field, one } of names) {
      const { stopped: _, ...slot } = slotOf(document, field)
      if (slot.lease !== undefined && slot.lease.holder !== holder && !isSilent(slot.lease)) continue
      const token = slot.token + 1
      slots.push([field, { ...slot, token, lease: { holder, duration: milliseconds(duration), beat: newId() } }])
      leases.push({ name: one, holder, token, duration })
    }
    took(leases)
    return Result.succeed(leases.length === 0 ? document : withSlots(document, slots))
  }

/** Prolongs leases. */
export const renew =
  (leases: ReadonlyArray<At<Lease>>): Edit<LeaseLost> =>
  (document) => {
    const leaseLost = firstLost(document, leases)
    if (leaseLost !== undefined) return Result.fail(leaseLost)
    return Result.succeed(
      withSlots(
        document,
        leases.map(({ field, one: { duration, holder } }) => [
          field,
          { ...slotOf(document, field), lease: { holder, duration: milliseconds(duration), beat: newId() } }
        ])
      )
    )
  }

/** Gives back those of some leases that were not lost. */
export const release =
  (leases: ReadonlyArray<At<Lease>>): Edit<never> =>
  (document) => {
    const held = leases.filter((lease) => firstLost(document, [lease]) === undefined)
    return Result.succeed(
      held.length === 0
        ? document
        : withSlots(
            document,
            held.map(({ field }) => {
              const { lease: _, ...slot } = slotOf(document, field)
              return [field, slot]
            })
          )
    )
  }

/** Takes part, and sees who else does: of whom nothing was heard for too long does no more. */
export const attend =
  (member: Member, duration: Duration.Duration, saw: (members: ReadonlyArray<Member>) => void): Edit<never> =>
  (document, isSilent) => {
    const others = document.members.filter((other) => other.holder !== member.holder && !isSilent(other))
    const { holder, partitions } = member
    const me = { holder, partitions, duration: milliseconds(duration), beat: newId() }
    const members = [...others, me].sort((a, b) => (a.holder < b.holder ? -1 : 1))
    saw(members.map(({ holder, partitions }) => ({ holder, partitions })))
    return Result.succeed(withMembers(document, members))
  }

/** Takes part no more. */
export const leave =
  (holder: string): Edit<never> =>
  (document) => {
    const others = document.members.filter((member) => member.holder !== holder)
    return Result.succeed(others.length === document.members.length ? document : withMembers(document, others))
  }
