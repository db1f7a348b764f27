// Broken claims of event ids: not written, not read, taken over too early, or believed where nothing was stored.
import type { Mutant } from "./Mutant.ts"

const ids = "internal/idClaims.ts"

/** Broken claims. */
export const claims: ReadonlyArray<Mutant> = [
  {
    law: "Claim 1",
    breaks: "ids are not claimed",
    by: [["internal/append.ts", "if (!one.idsAreNew && one.events.length > 0) {", "if (false) {"]]
  },
  {
    law: "Claim 1",
    breaks: "claims are written and not read",
    by: [
      [
        ids,
        `if (written !== undefined) return Effect.succeed({ _tag: "Ours" })`,
        `return Effect.succeed({ _tag: "Ours" })`
      ]
    ]
  },
  {
    law: "Claim 1",
    breaks: "only the first id of an append is claimed",
    by: [
      [
        "internal/append.ts",
        "yield* Effect.forEach(one.events, ({ id }) =>",
        "yield* Effect.forEach(one.events.slice(0, 1), ({ id }) =>"
      ]
    ]
  },
  {
    law: "Claim 1",
    breaks: "a claim is looked up from the message on that it was made behind",
    by: [[ids, "jetstream.next(log, subject, after + 1)", "jetstream.last(log, subject)"]]
  },
  {
    law: "Claim 2",
    breaks: "a claim is taken over while its append may still come through",
    by: [
      [
        ids,
        "if (there.claim.subject !== subject) {",
        "if (there.claim.subject !== subject) {\n            return claim(id, subject, after, there.revision)"
      ]
    ]
  },
  {
    law: "Claim 2",
    breaks: "an id that somebody else is appending to the same stream is nobody else's",
    by: [
      [
        ids,
        `return Effect.succeed({ _tag: there.claim.after === after ? "Ours" : "Stale" })`,
        `return Effect.succeed({ _tag: "Elsewhere", subject })`
      ]
    ]
  },
  {
    law: "Claim 2",
    breaks: "a repeat that was found out late is no repeat",
    from: "2.12",
    by: [
      ["internal/append.ts", "return times > 1 ? stored(behind.sequence) : undefined", "return stored(behind.sequence)"]
    ]
  },
  {
    law: "Claim 3",
    breaks: "a claim whose append can no longer come through stays",
    by: [[ids, ": claim(id, subject, after, there.revision)", `: Effect.succeed({ _tag: "Elsewhere", subject })`]]
  },
  {
    law: "Claim 3",
    breaks: "what was claimed counts as stored",
    by: [[ids, "return holds(message, id)\n", "return message !== undefined\n"]]
  },
  {
    law: "Claim 4",
    breaks: "who claimed an id and was slow appends it behind whatever there is by then",
    by: [
      [
        "internal/append.ts",
        "        if (!one.idsAreNew && one.events.length > 0) {",
        "        if (i === 0 && !one.idsAreNew && one.events.length > 0) {"
      ]
    ]
  },
  {
    law: "EventStore 3.10",
    breaks: "of claims that are made at the same time each is written",
    by: [
      [
        ids,
        "JSON.stringify({ subject, after, by }), replaces, isMine)",
        "JSON.stringify({ subject, after, by }), undefined as never, isMine)"
      ]
    ]
  }
]
