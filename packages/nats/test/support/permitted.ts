// permitted: the users of the guide, with what each of them may do.

const logs = ["evolvent_events", "evolvent_bus"]
const buckets = ["checkpoints", "ids", "rows", "snapshots"].map((name) => `KV_evolvent_${name}`)
const all = [...logs, ...buckets]

const writer = {
  publish: {
    allow: [
      "evolvent.events.>",
      "evolvent.bus.>",
      "$KV.evolvent_checkpoints.>",
      "$KV.evolvent_ids.>",
      "$KV.evolvent_rows.>",
      "$KV.evolvent_snapshots.>",
      ...all.flatMap((stream) => [
        `$JS.API.STREAM.INFO.${stream}`,
        `$JS.API.STREAM.MSG.GET.${stream}`,
        `$JS.API.DIRECT.GET.${stream}`,
        `$JS.API.DIRECT.GET.${stream}.>`,
        `$JS.API.CONSUMER.CREATE.${stream}.>`,
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.>`,
        `$JS.API.CONSUMER.DELETE.${stream}.>`
      ]),
      "$JS.API.STREAM.PURGE.KV_evolvent_rows",
      "$JS.API.STREAM.PURGE.KV_evolvent_snapshots"
    ]
  },
  subscribe: { allow: ["_INBOX_writer.>"] }
}

const reader = {
  publish: {
    allow: [
      ...all.map((stream) => `$JS.API.STREAM.INFO.${stream}`),
      "$JS.API.CONSUMER.CREATE.evolvent_events.*.evolvent.events.Account.*",
      "$JS.API.CONSUMER.MSG.NEXT.evolvent_events.*",
      "$JS.API.CONSUMER.DELETE.evolvent_events.*"
    ]
  },
  subscribe: { allow: ["_INBOX_reader.>"] }
}

/** An owner, who may do anything, a writer, and a reader of the category "Account". */
export const permitted = [
  { user: "owner", password: "o" },
  { user: "writer", password: "w", permissions: writer },
  { user: "reader", password: "r", permissions: reader }
]
