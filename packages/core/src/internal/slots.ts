// slots: the parts, fixed for ever, into which the keys of a processor fall; each has a checkpoint and a lease of its own.

/** How many there are. Partitions are sets of them, so that a change of partitions moves no key to another checkpoint. */
export const count = 16

/** The slot of a key, from 0 to 15: the same in every process and version. */
export const slotOf = (key: string): number => hash(key) % count

/** A number from a text: FNV-1a over its code units, stirred so that all of its bits depend on all of them. */
export const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** All slots, in order. */
export const all: ReadonlyArray<number> = Array.from({ length: count }, (_, slot) => slot)

/** The name under which the checkpoint and the lease of a slot are kept. */
export const nameOf = (checkpoint: string, slot: number): string => `${checkpoint}/${slot}`

/** The names of the checkpoints of a processor, one for each slot, in order: what its own `checkpoint` names with a number behind. */
export const namesOf = (checkpoint: string): ReadonlyArray<string> => all.map((slot) => nameOf(checkpoint, slot))

/** The slots of one of so many partitions. */
export const ofPartition = (partition: number, partitions: number): ReadonlyArray<number> =>
  all.filter((slot) => slot % partitions === partition)
