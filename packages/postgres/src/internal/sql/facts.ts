// What the server says of itself and of a role's rights in a schema. Parameters: $1 schema.

/**
 * Columns: version, its number, database, role, rights ("owner", "writer", "reader", "none"), whether it is a replica,
 * prepared transactions, connections in use and at most, then the settings fsync, full_page_writes, synchronous_commit and
 * idle_in_transaction_session_timeout.
 */
export const facts = `
SELECT current_setting('server_version'), current_setting('server_version_num')::int, current_database()::text,
  current_user::text,
  CASE WHEN t.oid IS NULL THEN 'none'
    WHEN pg_has_role(t.relowner, 'USAGE') THEN 'owner'
    WHEN has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT') THEN 'writer'
    WHEN has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(t.oid, 'SELECT') THEN 'reader'
    ELSE 'none' END,
  pg_is_in_recovery(), (SELECT count(*)::int FROM pg_prepared_xacts p WHERE p.database = current_database()),
  (SELECT count(*)::int FROM pg_stat_activity a WHERE a.backend_type = 'client backend'),
  current_setting('max_connections')::int, current_setting('fsync'), current_setting('full_page_writes'),
  current_setting('synchronous_commit'), current_setting('idle_in_transaction_session_timeout')
FROM (SELECT 1) one
LEFT JOIN pg_namespace n ON n.nspname = $1
LEFT JOIN pg_class t ON t.relnamespace = n.oid AND t.relname = 'events'
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'checkpoints'`
