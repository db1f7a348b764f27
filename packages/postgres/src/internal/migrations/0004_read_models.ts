// Migration 4: the catalogue of read models, and the two functions that create and drop their tables.
//
// The functions run with their owner's rights, so that a role that only writes needs no right to create anything. They
// take names as data, quote them, and touch no table that is not in the catalogue.

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The statements, in their order. */
export const statements = (schema: string): ReadonlyArray<string> => [
  // A name may be longer than an index entry: its digest is the key.
  `CREATE TABLE ${schema}.read_models (
    name_sha256 bytea NOT NULL,
    version bigint NOT NULL CHECK (version >= 1),
    name text COLLATE "C" NOT NULL,
    table_name text COLLATE "C" NOT NULL UNIQUE,
    indexes json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name_sha256, version)
  )`,
  `COMMENT ON TABLE ${schema}.read_models IS 'Which table holds which version of which projection'`,
  create(schema),
  drop(schema),
  // Functions are everyone's unless that is taken back.
  `REVOKE ALL ON FUNCTION ${schema}.create_read_model(text, bigint, text[], text[], text[], text[]) FROM PUBLIC`,
  `REVOKE ALL ON FUNCTION ${schema}.drop_read_model(text, bigint) FROM PUBLIC`
]

/**
 * Gives the table of a projection's version, and creates it where there is none, by the first of some names that is
 * free. Racers wait for each other at the catalogue's key, and only for the same projection.
 */
const create = (schema: string): string => `
CREATE FUNCTION ${schema}.create_read_model(
  in_name text, in_version bigint, in_tables text[], in_fields text[], in_columns text[], in_kinds text[]
) RETURNS TABLE (found_table text, found_indexes text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $create$
DECLARE
  digest CONSTANT bytea := sha256(convert_to(in_name, 'UTF8'));
  described CONSTANT json := (
    SELECT coalesce(json_agg(json_build_object('field', i.field, 'kind', i.kind, 'column', i.col) ORDER BY i.place), '[]')
    FROM unnest(in_fields, in_kinds, in_columns) WITH ORDINALITY AS i (field, kind, col, place)
  );
  definitions text;
  candidate text;
  col text;
BEGIN
  RETURN QUERY SELECT m.table_name, m.indexes::text FROM ${schema}.read_models m
    WHERE m.name_sha256 = digest AND m.version = in_version;
  IF FOUND THEN RETURN; END IF;
  IF coalesce(cardinality(in_fields) <> cardinality(in_columns) OR cardinality(in_fields) <> cardinality(in_kinds), true)
  THEN
    RAISE EXCEPTION 'create_read_model: fields, columns and kinds must be arrays of one length'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT coalesce(string_agg(format('%I %s NOT NULL, ', i.col, CASE i.kind
      WHEN 'string' THEN 'text COLLATE "C"'
      WHEN 'number' THEN 'double precision'
      WHEN 'boolean' THEN 'boolean'
      WHEN 'bigint' THEN 'numeric'
      WHEN 'instant' THEN 'timestamptz'
    END), '' ORDER BY i.place), '')
  INTO definitions
  FROM unnest(in_columns, in_kinds) WITH ORDINALITY AS i (col, kind, place);
  FOREACH candidate IN ARRAY in_tables LOOP
    -- The suffix is what keeps these names apart from those of our own tables.
    IF candidate !~ '_v[0-9]+$' OR octet_length(candidate) > 63 THEN
      RAISE EXCEPTION 'create_read_model: "%" is no name for the table of a read model', candidate
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO ${schema}.read_models (name_sha256, version, name, table_name, indexes)
    SELECT digest, in_version, in_name, candidate, described
    WHERE to_regclass(format('%s.%I', ${literal(schema)}, candidate)) IS NULL
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
      EXECUTE format(
        'CREATE TABLE %s.%I (key text COLLATE "C" PRIMARY KEY, position bigint NOT NULL, %srow json NOT NULL) WITH (fillfactor = 80)',
        ${literal(schema)}, candidate, definitions);
      FOREACH col IN ARRAY in_columns LOOP
        EXECUTE format('CREATE INDEX ON %s.%I (%I, key)', ${literal(schema)}, candidate, col);
      END LOOP;
      EXECUTE format('COMMENT ON TABLE %s.%I IS %L', ${literal(schema)}, candidate,
        format('Rows of the projection "%s", version %s', in_name, in_version));
      RETURN QUERY SELECT candidate, described::text;
      RETURN;
    END IF;
    RETURN QUERY SELECT m.table_name, m.indexes::text FROM ${schema}.read_models m
      WHERE m.name_sha256 = digest AND m.version = in_version;
    IF FOUND THEN RETURN; END IF;
  END LOOP;
  RAISE EXCEPTION 'create_read_model: all names for the table of "%" version % are taken: %', in_name, in_version, in_tables
    USING ERRCODE = 'duplicate_table';
END
$create$`

/** Drops the table of a projection's version, and forgets it; nothing happens where there is none. */
const drop = (schema: string): string => `
CREATE FUNCTION ${schema}.drop_read_model(in_name text, in_version bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $drop$
DECLARE
  dropped text;
BEGIN
  DELETE FROM ${schema}.read_models m
  WHERE m.name_sha256 = sha256(convert_to(in_name, 'UTF8')) AND m.version = in_version
  RETURNING m.table_name INTO dropped;
  IF FOUND THEN
    EXECUTE format('DROP TABLE IF EXISTS %s.%I', ${literal(schema)}, dropped);
  END IF;
END
$drop$`
