// A PostgreSQL server of one's own.
export {}
