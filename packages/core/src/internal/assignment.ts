// assignment: which member works on which partition: evenly, and so that little changes hands when one comes or goes.

/**
 * The member of each partition; everyone who knows the same members and holders comes to the same answer.
 *
 * `holders` says who works on each partition now, where anyone does. Each member gets as many as any other, or one more;
 * it keeps what it has up to that number, and what is left goes to those who have too few.
 */
export const assign = (
  members: ReadonlyArray<string>,
  holders: ReadonlyArray<string | undefined>
): ReadonlyArray<string | undefined> => {
  if (members.length === 0) return holders.map(() => undefined)
  const has = new Map(members.map((member) => [member, 0]))
  for (const holder of holders) {
    if (holder !== undefined && has.has(holder)) has.set(holder, (has.get(holder) ?? 0) + 1)
  }
  // Those who have most keep one more where there is no even share: a sort keeps the order of equals.
  const ranked = [...members].sort((a, b) => (has.get(b) ?? 0) - (has.get(a) ?? 0))
  const share = Math.floor(holders.length / members.length)
  const room = new Map(ranked.map((member, rank) => [member, share + (rank < holders.length % members.length ? 1 : 0)]))
  const take = (member: string | undefined): string | undefined => {
    const left = member === undefined ? 0 : (room.get(member) ?? 0)
    if (member === undefined || left === 0) return undefined
    room.set(member, left - 1)
    return member
  }
  const kept = holders.map(take)
  return kept.map((member) => member ?? take(members.find((one) => (room.get(one) ?? 0) > 0)))
}
