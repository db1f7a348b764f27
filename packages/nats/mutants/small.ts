// Broken checkpoints, leases and snapshots.
import type { Mutant } from "./Mutant.ts"

const bucket = "internal/bucket.ts"
const edits = "internal/checkpointEdits.ts"
const silence = "internal/silence.ts"

/** Broken small stores. */
export const small: ReadonlyArray<Mutant> = [
  {
    law: "Checkpoint 1",
    breaks: "a key is written whatever its revision is",
    by: [
      [
        bucket,
        "value === undefined ? [...deleted, ...headers] : headers, expected)",
        "value === undefined ? [...deleted, ...headers] : headers)"
      ]
    ]
  },
  {
    law: "Checkpoint 1",
    breaks: "a write that somebody else was faster than counts as made",
    by: [[bucket, "? Effect.undefined\n", "? Effect.succeed(expected + 1)\n"]]
  },
  {
    law: "Checkpoint 1",
    breaks: "who was refused by what it saw last is refused",
    by: [["internal/documents.ts", "if (known === undefined) return\n", "return\n"]]
  },
  {
    law: "Checkpoint 2",
    breaks: "a move does not know itself again",
    by: [
      [edits, "if (moves.some(({ field }) => slotOf(document, field).by === id)) return Result.succeed(document)", ""],
      ["internal/documents.ts", "return place >= 0", "return place === 0"]
    ]
  },
  {
    law: "Checkpoint 3",
    breaks: "how old a lease is stands in the lease, by the clock of its writer",
    by: [
      [
        silence,
        "now - (heard.get(beat)?.since ?? now) >= duration",
        'Date.now() - Number(beat.split(" ")[1]) >= duration'
      ],
      [
        "internal/document.ts",
        "`${writer}${(drawn++).toString(36)}`",
        "`${writer}${(drawn++).toString(36)} ${Date.now()}`"
      ]
    ]
  },
  {
    law: "Checkpoint 3",
    breaks: "who has never heard of a holder takes it for silent",
    by: [[silence, "before?.get(beat) ?? { beat, since: now }", "before?.get(beat) ?? { beat, since: -Infinity }"]]
  },
  {
    law: "Checkpoint 3",
    breaks: "the token of a lease does not grow",
    by: [[edits, "const token = slot.token + 1", "const token = Math.max(1, slot.token)"]]
  },
  {
    law: "Checkpoint 4",
    breaks: "renewing a lease is no sign of life",
    by: [
      [
        edits,
        "lease: { holder, duration: milliseconds(duration), beat: newId() } }\n        ])",
        "lease: { holder, duration: milliseconds(duration), beat: slotOf(document, field).lease?.beat ?? newId() } }\n        ])"
      ]
    ]
  },
  {
    law: "Checkpoint 4",
    breaks: "whatever changes in a document is a sign of life of all",
    by: [
      [silence, "heard.set(beat, before?.get(beat) ?? { beat, since: now })", "heard.set(beat, { beat, since: now })"]
    ]
  },
  {
    law: "Checkpoint 5",
    breaks: "whatever message stands there now is the one that was seen",
    by: [["internal/witness.ts", "message === undefined || Date.parse(message.time) === time", "true"]]
  },
  {
    law: "Checkpoint 5",
    breaks: "what a reader saw is not written down with its checkpoint",
    by: [[edits, "...(seen === undefined ? {} : { seen })", ""]]
  },
  {
    law: "Checkpoint 5",
    breaks: "what is written down with a checkpoint is not read",
    by: [["internal/checkpointStore.ts", "if (slot.seen !== undefined) witness", "if (false) witness"]]
  },
  {
    law: "CheckpointStore 2",
    breaks: "a checkpoint moves from wherever it stands",
    by: [[edits, "if (position !== one.from) {", "if (position > one.to) {"]]
  },
  {
    law: "CheckpointStore 8",
    breaks: "a stop stays where its checkpoint moves",
    by: [
      [
        edits,
        "const { stopped: _, ...slot } = slotOf(document, field)\n          // Where",
        "const slot = slotOf(document, field)\n          // Where"
      ]
    ]
  },
  {
    law: "CheckpointStore 13",
    breaks: "a lease that was given back takes its token with it",
    by: [
      [
        edits,
        "const { lease: _, ...slot } = slotOf(document, field)\n              return [field, slot]",
        "const { lease: _, ...slot } = slotOf(document, field)\n              return [field, { ...slot, token: 0 }]"
      ]
    ]
  },
  {
    law: "CheckpointStore 17",
    breaks: "a move does not look at its lease's token",
    by: [[edits, "slot.lease?.holder !== holder || slot.token !== token", "slot.lease === undefined"]]
  },
  {
    law: "CheckpointStore 19",
    breaks: "a lease is looked at before the writes, and never again",
    by: [
      [
        edits,
        "    const refused = refusal(document, moves)\n    if (refused !== undefined) return Result.fail(refused)\n",
        ""
      ]
    ]
  },
  {
    law: "SnapshotStore 3",
    breaks: "a snapshot of a lower revision is saved",
    by: [["internal/snapshotStore.ts", "if (stored !== undefined && stored.revision > revision) return", ""]]
  },
  {
    law: "SnapshotStore 5",
    breaks: "snapshots of all fingerprints have one key",
    by: [
      ["internal/snapshotStore.ts", "const key = `${first}.${second}`", "const key = `${first}.${second.slice(0, 0)}_`"]
    ]
  },
  {
    law: "SnapshotStore 7",
    breaks: "remove forgets the snapshots of all streams",
    by: [
      [
        "internal/snapshotStore.ts",
        '${bucket.prefix}${key.success.slice(0, key.success.lastIndexOf("."))}.>',
        "${bucket.prefix}>"
      ]
    ]
  }
]
