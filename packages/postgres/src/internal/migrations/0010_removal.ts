// Migration 10: streams can be removed, and nothing is stored behind what is left of them.
import { appendEvent } from "../sql/functions/appendEvent.ts"
import { appendEvents } from "../sql/functions/appendEvents.ts"
import { appendGroup } from "../sql/functions/appendGroup.ts"
import { appendOne } from "../sql/functions/appendOne.ts"
import { removeStream } from "../sql/functions/removeStream.ts"
import { restoreStream } from "../sql/functions/restoreStream.ts"
import { takenBack } from "../sql/functions/rights.ts"

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => [
  // All that append look at the type of the stream's last event from here on.
  ...[appendEvent(schema), appendEvents(schema), appendOne(schema), appendGroup(schema)].map((text) =>
    text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
  ),
  removeStream(schema),
  restoreStream(schema),
  ...takenBack([removeStream(schema), restoreStream(schema)])
]
