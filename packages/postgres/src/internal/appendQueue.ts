// appendQueue: appends that wait for their turn, in order of arrival, and the groups that are taken from them.
import type { EncodedAppend } from "evolvent/EventStore"
import type { Limits } from "./appendLimits.ts"

/** An append that waits. */
export interface Waiting {
  readonly append: EncodedAppend
  readonly characters: number
  /** It goes by itself: a group that it was in failed, perhaps because of it. */
  solo: boolean
  /** Its caller was interrupted. */
  isGone: boolean
}

/** The appends of a process that have been sent nowhere yet. */
export interface Queue<A extends Waiting> {
  readonly push: (one: A) => void
  /** Puts what was sent before in front of all others, in its order. */
  readonly pushFront: (some: ReadonlyArray<A>) => void
  /** The next group, in order of arrival; what cannot go yet keeps its place. */
  readonly take: () => Array<A>
  /** Whether the last group could not hold all that waited. */
  readonly isFull: () => boolean
  readonly isEmpty: () => boolean
  /** One of these has lost its caller; who has gone is cleared away before there are many, also while nothing moves. */
  readonly leave: (one: A) => void
  /** Takes all that is there. */
  readonly clear: () => ReadonlyArray<A>
  /** A stream is under way: what follows in it must not overtake, until it is released as often as it was held. */
  readonly hold: (stream: string) => void
  readonly release: (stream: string) => void
  readonly isHeld: (stream: string) => boolean
}

/** A queue whose groups stay within the limits. */
export const make = <A extends Waiting>(limits: Limits): Queue<A> => {
  let waiting: Array<A> = []
  const held = new Map<string, number>()
  let isFull = false
  let gone = 0

  const take = (): Array<A> => {
    const group: Array<A> = []
    const left: Array<A> = []
    const ids = new Set<string>()
    let events = 0
    let characters = 0
    let i = 0
    for (; i < waiting.length && group.length < limits.members; i++) {
      const member = waiting[i] as A
      if (member.isGone) continue
      const { events: own, stream } = member.append
      const first = own[0]?.id ?? ""
      const fits = events + own.length <= limits.events && characters + member.characters <= limits.characters
      if (group.length > 0 && (!fits || member.solo)) break
      if (held.has(stream) || ids.has(first)) {
        left.push(member)
        continue
      }
      if (first !== "") ids.add(first)
      events += own.length
      characters += member.characters
      group.push(member)
      if (member.solo) {
        i++
        break
      }
    }
    isFull = i < waiting.length
    waiting = left.length === 0 ? waiting.slice(i) : [...left, ...waiting.slice(i)]
    return group
  }

  return {
    push: (one) => void waiting.push(one),
    pushFront: (some) => {
      if (some.length > 0) waiting = [...some, ...waiting]
    },
    take,
    isFull: () => isFull,
    isEmpty: () => waiting.length === 0,
    leave: (one) => {
      one.isGone = true
      gone += 1
      if (gone * 2 < waiting.length) return
      waiting = waiting.filter(({ isGone }) => !isGone)
      gone = 0
    },
    clear: () => waiting.splice(0),
    hold: (stream) => void held.set(stream, (held.get(stream) ?? 0) + 1),
    release: (stream) => {
      const left = (held.get(stream) ?? 1) - 1
      if (left === 0) held.delete(stream)
      else held.set(stream, left)
    },
    isHeld: (stream) => held.has(stream)
  }
}
