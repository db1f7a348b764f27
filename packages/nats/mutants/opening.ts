// Broken beginnings: what a server cannot do is believed, what a setting can lose is not said, more is asked for than needed.
import type { Mutant } from "./Mutant.ts"

const file = "internal/opening.ts"
const doctor = "internal/doctor.ts"
const version = "internal/serverVersion.ts"

/** Broken beginnings. */
export const opening: ReadonlyArray<Mutant> = [
  {
    law: "Open 1",
    breaks: "the flag of the stream is not looked at, as if every server kept it",
    from: "2.12",
    by: [[file, ` && events.config["allow_atomic"] === true`, ""]]
  },
  {
    law: "Open 2",
    breaks: "the version of the server is not looked at",
    by: [[file, "serverVersion.isAtomic(version) && ", ""]]
  },
  { law: "Open 2", breaks: "2.11 is believed to know batches", by: [[version, "2, 12, 0", "2, 11, 0"]] },
  {
    law: "Open 2",
    breaks: "3.0 is believed to know no batches",
    by: [[version, "return part > wanted", "return i > 0 && part > wanted"]]
  },
  {
    law: "Open 2",
    breaks: "replicas are used on a server that lets two writers win",
    by: [[version, "2, 9, 21", "2, 9, 0"]]
  },
  {
    law: "Open 3",
    breaks: "a stream is used whose messages go when they are read",
    by: [[file, `retention !== undefined && retention !== "limits"`, "false"]]
  },
  {
    law: "Open 3",
    breaks: "a stream is used that takes other subjects",
    by: [[file, "if (!config.subjects.includes(subject)) {", "if (false) {"]]
  },
  { law: "Open 4", breaks: "the doctor overlooks memory", by: [[doctor, `config.storage === "memory"`, "false"]] },
  {
    law: "Open 4",
    breaks: "the doctor overlooks that old messages make room",
    by: [
      [doctor, `number(config, "max_bytes") > 0 || number(config, "max_msgs") > 0`, `number(config, "max_bytes") > 0`]
    ]
  },
  {
    law: "Open 4",
    breaks: "the doctor overlooks that buckets forget what is old",
    by: [[doctor, `!isBus && number(config, "max_age") > 0`, `isEvents && number(config, "max_age") > 0`]]
  },
  {
    law: "Open 4",
    breaks: "the doctor overlooks that a stream keeps its last messages only",
    by: [[doctor, `if (isEvents && number(config, "max_msgs_per_subject") > 0)`, "if (false)"]]
  },
  {
    law: "Open 4",
    breaks: "the doctor overlooks that messages can be purged",
    by: [[doctor, `["deny_delete", "deny_purge"]`, `["deny_delete"]`]]
  },
  {
    law: "Open 4",
    breaks: "the doctor takes two minutes for nothing",
    by: [[doctor, `if (syncing === "always") return []`, `if (syncing !== "unknown") return []`]]
  },
  {
    law: "Open 4",
    breaks: "the doctor takes what it does not know for good",
    by: [
      [doctor, `if (syncing === "always") return []`, `if (syncing === "always" || syncing === "unknown") return []`]
    ]
  },
  {
    law: "Open 5",
    breaks: "what a feed is for does not stand in the subject by which it is asked for",
    by: [["internal/feed.ts", '${subject === undefined ? "" : `.${subject}`}', ""]]
  },
  {
    law: "Open 5",
    breaks: "answers come to subjects that anybody may read",
    by: [["NatsClient.ts", "requests.make(createInbox(options.inboxPrefix))", "requests.make(createInbox())"]]
  },
  {
    law: "Open 5",
    breaks: "feeds come to subjects that anybody may read",
    by: [["NatsClient.ts", "newInbox: () => createInbox(options.inboxPrefix)", "newInbox: () => createInbox()"]]
  },
  {
    law: "Open 5",
    breaks: "who may make no streams tries to",
    by: [[file, "create ? jetstream.ensure(config) : found(config)", "jetstream.ensure(config)"]]
  },
  {
    law: "Open 5",
    breaks: "who may not do something tries again and again",
    by: [["NatsError.ts", `return this.why === "TimedOut" || this.why === "NoResponders"`, "return true"]]
  }
]
