// evolvent on PostgreSQL.
export {}
