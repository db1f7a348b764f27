// @evolvent/testing/mutants: a backend broken on purpose, for those who write one: do its laws notice?
export { missed, sources } from "./sources.ts"
export type { Edit, Loading, Sources } from "./sources.ts"
