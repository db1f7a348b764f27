// Checks an aggregate against its golden files, and writes those of versions that have none.
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import * as Schema from "effect/Schema"
import type { Aggregate } from "evolvent/Aggregate"
import type { ContractOptions, ContractReport } from "../Contract.ts"
import { ContractBroken } from "../ContractBroken.ts"
import { byValue } from "./equality.ts"
import { describe } from "./text.ts"
import { versionsOf } from "./versionSchemas.ts"
import type { Version } from "./versionSchemas.ts"

interface Tagged {
  readonly _tag: string
}

const Golden = Schema.Struct({
  type: Schema.String,
  schemaVersion: Schema.Int,
  /** Of the state: other states are expected where this is another one. */
  fingerprint: Schema.String,
  schema: Schema.Json,
  /** Stored data, and the state after it and all samples before it. */
  samples: Schema.Array(Schema.Struct({ data: Schema.Json, state: Schema.Json }))
})
type Golden = typeof Golden.Type
const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Golden))

const fileOf = ({ schemaVersion, type }: Pick<Version, "schemaVersion" | "type">): string =>
  `${encodeURIComponent(type)}.${schemaVersion}.json`

/** Checks all files; everything that is wrong is told at once. */
export const check = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  aggregate: Aggregate<Name, Id, Command, Event, State, Rejection>,
  { folder, update = false }: ContractOptions
): Effect.Effect<ContractReport, ContractBroken> =>
  Effect.suspend(() => {
    const versions = versionsOf(aggregate)
    const { fingerprint } = aggregate.codecs
    const problems: Array<string> = []
    const kept: Array<string> = []
    const written: Array<string> = []
    const files = folder.list().filter((file) => file.endsWith(".json"))
    const write = (file: string, golden: Golden) => {
      folder.write(file, `${JSON.stringify(golden, undefined, 2)}\n`)
      written.push(file)
    }

    for (const file of files.toSorted()) {
      const golden = parse(folder.read(file))
      if (Result.isFailure(golden)) {
        problems.push(
          `${file} is no file of a contract any more (${golden.failure.message}): take it from the repository again.`
        )
        continue
      }
      const { samples, schema, schemaVersion, type } = golden.success
      const version = versions.find((one) => fileOf(one) === file)
      const found = problemOf(aggregate, version, golden.success)
      if (found !== undefined) {
        problems.push(`${file}: ${found}`)
        continue
      }
      const data = samples.map((sample) => sample.data)
      const states = statesOf(aggregate, { type, schemaVersion }, data)
      if (Result.isFailure(states)) {
        problems.push(`${file}: ${states.failure}`)
      } else if (golden.success.fingerprint === fingerprint) {
        const at = samples.findIndex(({ state }, i) => !byValue(state, states.success[i]))
        if (at === -1) kept.push(file)
        else problems.push(`${file}: ${changedFold(aggregate, golden.success, at, states.success)}`)
      } else if (update) {
        write(file, { type, schemaVersion, fingerprint, schema, samples: paired(data, states.success) })
      } else {
        problems.push(
          `${file}: the state has another shape, or another stateVersion, than when it was written. Run the contract once with ` +
            `\`update: true\`, look at what changes in the folder, and commit it.`
        )
      }
    }

    for (const version of versions) {
      const file = fileOf(version)
      if (files.includes(file)) continue
      const later = versions.find(
        (one) =>
          one.history === version.history && one.schemaVersion > version.schemaVersion && files.includes(fileOf(one))
      )
      if (later !== undefined) {
        problems.push(
          `${file} is missing, while ${fileOf(later)} is there: the history of ${version.history} has a hole. Versions are added ` +
            `at the end and never in between; where the file was deleted, take it from the repository again.`
        )
      } else if (update) {
        const data = version.generate()
        const states = statesOf(aggregate, version, data)
        if (Result.isFailure(states)) problems.push(`${file}: ${states.failure}`)
        else {
          const { document, schemaVersion, type } = version
          write(file, { type, schemaVersion, fingerprint, schema: document, samples: paired(data, states.success) })
        }
      } else {
        problems.push(
          `${file} is missing: version ${version.schemaVersion} of "${version.type}" is new. Run the contract once with ` +
            `\`update: true\`, and commit the file.`
        )
      }
    }
    return problems.length === 0
      ? Effect.succeed({ kept, written })
      : Effect.fail(new ContractBroken({ aggregate: aggregate.name, problems }))
  })

const paired = (data: ReadonlyArray<Json>, states: ReadonlyArray<Json>): Golden["samples"] =>
  data.map((one, i) => ({ data: one, state: states[i] ?? null }))

/** What is wrong with a version, before its samples are folded. */
const problemOf = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  { codecs }: Aggregate<Name, Id, Command, Event, State, Rejection>,
  version: Version | undefined,
  { samples, schema, schemaVersion, type }: Golden
): string | undefined => {
  const name = `version ${schemaVersion} of "${type}"`
  if (version === undefined) {
    return (
      `${name} may be stored, and this code does not know it any more. Put its history back (its fields are in the file); ` +
      `a type that is gone from the union is given to Upcaster.make as retired, and may end in \`[]\`.`
    )
  }
  if (!byValue(version.document, schema)) {
    return version.isCurrent
      ? `${name} was edited, but events of its old shape may be stored. Leave that as history, \`.from({ …its fields… })\`, ` +
          `and today's shape is version ${schemaVersion + 1}. Only where nothing was ever stored in it, delete the file and ` +
          `write it anew.`
      : `the history says otherwise than before what ${name} was. Put it back as it was (its fields are in the file); a ` +
          `version is added behind the others, and none is edited or put in between.`
  }
  for (const [i, { data }] of samples.entries()) {
    const decoded = codecs.event.decode(type, schemaVersion, data)
    if (Result.isSuccess(decoded)) continue
    return `sample ${i} of ${name} can no longer be decoded: ${decoded.failure.problem}. Mend its steps, or let them end in \`[]\`.`
  }
  return undefined
}

/** The states after each of some stored events of one version, from the initial one on. */
const statesOf = <Name extends string, Id, Command, Event extends Tagged, State, Rejection>(
  { codecs, evolve, initial }: Aggregate<Name, Id, Command, Event, State, Rejection>,
  { schemaVersion, type }: Pick<Version, "schemaVersion" | "type">,
  data: ReadonlyArray<Json>
): Result.Result<ReadonlyArray<Json>, string> => {
  const states: Array<Json> = []
  let state = initial
  for (const [i, one] of data.entries()) {
    const decoded = codecs.event.decode(type, schemaVersion, one)
    if (Result.isFailure(decoded)) return Result.fail(`sample ${i} cannot be decoded: ${decoded.failure.problem}.`)
    try {
      for (const event of decoded.success) state = evolve(state, event)
    } catch (thrown) {
      return Result.fail(`evolve threw on sample ${i}: ${describe(thrown)}.`)
    }
    const encoded = codecs.state.encode(state)
    if (Result.isFailure(encoded))
      return Result.fail(`the state after sample ${i} cannot be stored: ${encoded.failure}.`)
    states.push(JSON.parse(JSON.stringify(encoded.success)) as Json)
  }
  return Result.succeed(states)
}

const changedFold = (
  { stateVersion }: { readonly stateVersion: number },
  { samples, schemaVersion, type }: Golden,
  at: number,
  states: ReadonlyArray<Json>
): string =>
  `sample ${at} of version ${schemaVersion} of "${type}" folds to another state than it did, and stateVersion is still ` +
  `${stateVersion}.\n  was: ${JSON.stringify(samples[at]?.state)}\n  is:  ${JSON.stringify(states[at])}\n` +
  `Where that is meant, set stateVersion to ${stateVersion + 1}, so that older snapshots are not used, run the contract once ` +
  `with \`update: true\`, and rebuild the projections that changed with it; else mend evolve, or the steps of its history.`
