// Brings a server into the cache: the distribution's own package where there is one, else the project's release.
import * as Effect from "effect/Effect"
import { DownloadFailed, NotFound } from "../NatsServerError.ts"
import { allFromApt, fromApt, hasApt } from "./apt.ts"
import { cacheFolder, keep, workshop } from "./cache.ts"
import { type Found, found as findAll, isWanted, versionOf } from "./found.ts"
import { installHint } from "./hint.ts"
import { Refused } from "./refused.ts"
import { fromRelease } from "./release.ts"

/** What to bring, and from where. */
interface Options {
  readonly version?: string | undefined
  /** The only place to ask, laid out as the project's releases are; "off" for none. */
  readonly downloads?: string | undefined
  /** What there is already, for the message. */
  readonly found?: ReadonlyArray<Found>
}

const onlyPlace = (): string | undefined => process.env["EVOLVENT_NATS_DOWNLOADS"] || undefined

/** Brings the wanted version, or the one that is nearest to hand. */
export const bring = Effect.fnUntraced(function* (options: Options) {
  const { version } = options
  const base = options.downloads ?? onlyPlace()
  const what = version === undefined ? "NATS server" : `NATS server of version ${version}`
  if (base === "off") {
    return yield* new NotFound({
      problem: `No ${what} was found, and fetching one is switched off`,
      looked: ["the PATH", cacheFolder(), ...(options.found ?? []).map((one) => `${one.path} is ${one.version}`)],
      hint: installHint()
    })
  }
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* workshop
      const fetchedByApt = Effect.map(fromApt(folder, version), (program) => ({ program, version }))
      const ways = [
        ...(base === undefined && hasApt() ? [["the distribution's package, by apt", fetchedByApt] as const] : []),
        ["the project's release", fromRelease(folder, version, base)] as const
      ]
      const refusals: Array<Refused> = []
      for (const [way, fetched] of ways) {
        const brought = yield* Effect.flatMap(fetched, ({ program, version }) => kept(program, version)).pipe(
          Effect.catchTag("Refused", ({ cause, why }) => Effect.succeed(new Refused(`${way}: ${why}`, cause)))
        )
        if (!(brought instanceof Refused)) return brought
        refusals.push(brought)
      }
      const cause = refusals.at(-1)?.cause
      return yield* new DownloadFailed({
        problem: `No ${what} was found on the PATH or in ${cacheFolder()}, and none could be fetched`,
        tried: refusals.map(({ why }) => why),
        hint: installHint(),
        ...(cause === undefined ? {} : { cause })
      })
    })
  )
})

/** Keeps a program that was fetched, if it runs and is what was asked for. */
const kept = Effect.fnUntraced(function* (program: string, wanted: string | undefined) {
  const version = yield* versionOf(program)
  if (version === undefined || !isWanted(version, wanted)) {
    const why = version === undefined ? "it does not run on this machine" : `it says that it is version ${version}`
    return yield* Effect.fail(new Refused(`a program was fetched, but ${why}`))
  }
  return { path: yield* keep(program, version), version } satisfies Found
})

/** Brings every version that the distribution's own and newer releases have; where there is no apt, the project's. */
export const bringAll = Effect.fnUntraced(function* () {
  if (onlyPlace() !== undefined || !hasApt()) yield* bring({})
  else {
    const programs = Effect.flatMap(workshop, allFromApt)
    yield* Effect.scoped(
      Effect.flatMap(
        programs,
        Effect.forEach((program) => kept(program, undefined))
      )
    ).pipe(
      Effect.catchTag("Refused", ({ why }) =>
        Effect.fail(
          new DownloadFailed({
            problem: "The distribution's servers could not be fetched",
            tried: [`apt: ${why}`],
            hint: installHint()
          })
        )
      )
    )
  }
  return yield* findAll
})
