// Checks a law on histories: made once for all laws of a call, looked through by each, shrunk where one is broken.
import * as Effect from "effect/Effect"
import { LawBroken } from "../LawBroken.ts"
import type { Law, LawReport } from "../Laws.ts"
import { NoCommands } from "./commands.ts"
import type { Counts, Tally } from "./histories.ts"
import { shrink } from "./shrink.ts"

/** How a history breaks a law. */
export interface Break {
  readonly problem: string
  readonly example: string
}

/** A subject whose laws are checked: how its histories are made, repeated and made smaller. */
export interface Subject<Item, History> {
  readonly subject: string
  readonly seed: string | number
  readonly counts: Tally
  /** Makes all histories and counts what happens in them. */
  readonly generate: () => ReadonlyArray<{ readonly items: ReadonlyArray<Item>; readonly history: History }>
  /** Makes the history of some items again. */
  readonly run: (items: ReadonlyArray<Item>) => History
  /** What the items are, for messages. */
  readonly what: string
  readonly simpler: (item: Item) => Iterable<Item>
  readonly simplerEverywhere: (items: ReadonlyArray<Item>) => Iterable<ReadonlyArray<Item>>
}

/** Makes the laws of a subject. */
export const checks = <Item, History>(options: Subject<Item, History>) => {
  const { counts, seed, subject } = options
  let made: ReturnType<typeof options.generate> | NoCommands | undefined
  const histories = (law: string) =>
    Effect.suspend(() => {
      made ??= generated(options)
      return made instanceof NoCommands
        ? Effect.fail(
            new LawBroken({ law, problem: `Nothing could be tried: ${made.message}`, example: "", seed, found: "" })
          )
        : Effect.succeed(made)
    })

  const report = (count: number): LawReport => {
    const rejected = sum(counts.rejections)
    return {
      subject,
      seed,
      histories: count,
      commands: { accepted: counts.accepted.value, rejected, byTag: Object.fromEntries(counts.commands) },
      rejections: Object.fromEntries(counts.rejections),
      events: Object.fromEntries(counts.events)
    }
  }

  /** A law that each history keeps or breaks. */
  const law = (text: string, breakOf: (history: History) => Break | undefined): Law => {
    const name = `${subject}: ${text}`
    return {
      name,
      check: Effect.flatMap(histories(name), (all) => {
        const broken = all.flatMap(({ history, items }, index) => {
          const failure = breakOf(history)
          return failure === undefined ? [] : [{ failure, items, index }]
        })
        const shortest = broken.toSorted((a, b) => a.items.length - b.items.length)[0]
        if (shortest === undefined) return Effect.succeed(report(all.length))
        const { failure, items } = shrink({
          ...options,
          ...shortest,
          failureOf: (candidate) => breakOf(options.run(candidate))
        })
        const size = `${items.length} ${items.length === 1 ? options.what.replace(/s$/, "") : options.what}`
        const { length } = shortest.items
        const shrunk = items.length === length ? `has ${size}` : `was shrunk from ${length} to ${size}`
        const found = `Broken by ${broken.length} of ${all.length} histories; the shortest, number ${shortest.index + 1}, ${shrunk}.`
        return Effect.fail(new LawBroken({ law: name, ...failure, seed, found }))
      })
    }
  }

  /** The law that the histories are worth something: each event type was reached. */
  const coverage = (
    text: string,
    unreached: ReadonlyArray<string>,
    advice: (missing: ReadonlyArray<string>) => string
  ): Law => {
    const name = `${subject}: ${text}`
    return {
      name,
      check: Effect.flatMap(histories(name), (all) => {
        const outcome = report(all.length)
        const missing = [...counts.events]
          .filter(([type, count]) => count === 0 && !unreached.some((one) => one === type || type.endsWith(`.${one}`)))
          .map(([type]) => type)
        if (missing.length === 0) return Effect.as(Effect.logInfo(formatReport(outcome)), outcome)
        const problem = `Never reached: ${missing.join(", ")}. ${formatReport(outcome)}`
        return Effect.fail(new LawBroken({ law: name, problem, example: advice(missing), seed, found: "" }))
      })
    }
  }
  return { law, coverage }
}

const generated = <Item, History>({ generate }: Subject<Item, History>) => {
  try {
    return generate()
  } catch (thrown) {
    if (thrown instanceof NoCommands) return thrown
    throw thrown
  }
}

const sum = (counts: Counts): number => [...counts.values()].reduce((total, count) => total + count, 0)

/** A report in words. */
export const formatReport = ({ commands, events, histories, rejections, subject }: LawReport): string => {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")
  const rejected = commands.rejected === 0 ? "none rejected" : `${commands.rejected} rejected (${list(rejections)})`
  return `${subject}: ${histories} histories, ${commands.accepted} commands accepted, ${rejected}; events: ${list(events)}`
}
