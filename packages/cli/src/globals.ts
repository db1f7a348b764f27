// globals: the flags that every command takes: which store, and for whom the output is.
import * as Effect from "effect/Effect"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

export const Url = GlobalFlag.Setting("url")({
  flag: Flag.String("url").pipe(
    Flag.withDescription(
      "The store: postgres://user:password@host:5432/database or nats://host:4222; DATABASE_URL, else NATS_URL, unless given"
    ),
    Flag.withDefault("")
  )
})

export const Store = GlobalFlag.Setting("store")({
  flag: Flag.String("store").pipe(
    Flag.withDescription("The store's name: its schema on PostgreSQL, what its streams begin with on NATS"),
    Flag.withDefault("evolvent")
  )
})

export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print JSON for programs: one document, or one a line where there is no end to it"),
    Flag.withDefault(false)
  )
})

export const all = [Url, Store, Json] as const

/** What the flags give to a command. */
export type Globals = GlobalFlag.Setting.Identifier<"url"> | GlobalFlag.Setting.Identifier<"store"> | Out

/** What printing needs of them. */
export type Out = GlobalFlag.Setting.Identifier<"json">

/** Whether the output is for programs. */
export const isJson = Effect.map(Json, (json): boolean => json)
