// @evolvent/testing: given/when/expect for one case, laws for all cases, of aggregates and projections.
export { events, recorded } from "./Events.ts"
export type { EventsOptions, StreamEvents } from "./Events.ts"
export { ExpectationFailed } from "./ExpectationFailed.ts"
export { given } from "./Given.ts"
export type { Decided, Given, GivenEvents, GivenRows, RejectionField, RejectionName } from "./Given.ts"
export { LawBroken } from "./LawBroken.ts"
export { checkAll, laws } from "./Laws.ts"
export type { AggregateLawOptions, Law, LawOptions, LawReport, ProjectionLawOptions } from "./Laws.ts"
