// Which rule of a policy is an aggregate's, and whether it says that a snapshot is due.
import * as Duration from "effect/Duration"
import type { Grown, Policy, Rule } from "../SnapshotStore.ts"

const rulesOf = (policy: Policy): ReadonlyArray<Rule> => (isList(policy) ? policy : [policy])

// `Array.isArray` does not tell a read-only array from what is none.
const isList = (policy: Policy): policy is ReadonlyArray<Rule> => Array.isArray(policy)

/** The rule of an aggregate: the one that names it, else the one that names none. */
export const ruleOf = (policy: Policy | undefined, aggregate: string): Rule | undefined => {
  if (policy === undefined) return undefined
  const rules = rulesOf(policy)
  return rules.find(({ of }) => of?.some(({ name }) => name === aggregate)) ?? rules.find(({ of }) => of === undefined)
}

/** Whether a rule asks how much the events' data is. */
export const measures = ({ bytes, when }: Rule): boolean => bytes !== undefined || when !== undefined

/** Whether a snapshot is due by a rule; the predicate is asked last, and what it throws is thrown. */
export const isDue = ({ bytes, every, olderThan, when }: Rule, grown: Grown): boolean => {
  const count = grown.revision + 1
  if (every !== undefined) {
    if (grown.events >= every || Math.floor(count / every) > Math.floor((count - grown.appended) / every)) return true
  }
  if (bytes !== undefined && grown.bytes > bytes) return true
  if (olderThan !== undefined && count > grown.appended) {
    if (Duration.toMillis(grown.age) > Duration.toMillis(Duration.fromInputUnsafe(olderThan))) return true
  }
  return when?.(grown) ?? false
}

/** What is wrong with a policy. */
export const problemOf = (policy: Policy): string | undefined => {
  const rules = rulesOf(policy)
  for (const rule of rules) {
    const problem = ruleProblem(rule)
    if (problem !== undefined) return problem
  }
  const named = rules.flatMap(({ of }) => of?.map(({ name }) => name) ?? [undefined])
  const twice = named.find((name, i) => named.indexOf(name) < i)
  if (new Set(named).size === named.length) return undefined
  const whose = twice === undefined ? "of all aggregates that no other names" : `of ${twice}`
  return `Two rules say when snapshots ${whose} are taken, and the second would never be asked: make one of them.`
}

const ruleProblem = ({ bytes, every, olderThan, when }: Rule): string | undefined => {
  if (every !== undefined && !(Number.isSafeInteger(every) && every >= 1)) {
    return `Snapshots are taken every ${every} events, but a whole number from 1 is needed.`
  }
  if (bytes !== undefined && !(bytes >= 0)) {
    return `Snapshots are taken behind more than ${bytes} bytes, but a number from 0 is needed.`
  }
  if (olderThan !== undefined) {
    const millis = Duration.toMillis(Duration.fromInputUnsafe(olderThan))
    if (!(Number.isFinite(millis) && millis >= 0)) {
      return `Snapshots are taken when the last one is older than ${millis} ms, but a finite time from zero is needed.`
    }
  }
  return every === undefined && bytes === undefined && olderThan === undefined && when === undefined
    ? "A rule of snapshots says when they are taken: give it every, bytes, olderThan or when."
    : undefined
}
