// auditErrors: how an audit says that there is no such event.
import * as Schema from "effect/Schema"

/** The event whose tree was asked for is not where it was looked for. */
export class EventNotFound extends Schema.TaggedError<EventNotFound>()("EventNotFound", {
  id: Schema.String,
  /** Where it was looked for, in words. */
  lookedAt: Schema.String
}) {
  override get message(): string {
    return (
      `Audit.tree looked for the event ${this.id} among ${this.lookedAt} and did not find it. Compare the id; where it is ` +
      `right, the event is of another store, was archived, or lies outside of "stream", "filter", "from" or "to".`
    )
  }
}
