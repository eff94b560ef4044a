-- What to look at in a PostgreSQL 15 to 18 that answers slowly. Run it in the database to be watched, as its owner;
-- it may be run again at any time:
--
--     psql -d shop -f postgres_views.sql
--
-- The objects go into the first schema of the search path, normally `public`.

-- Planner statistics of the tables whose name is LIKE the pattern, in the schemas of the search path:
--     SELECT optimize_table_stats();           all of them
--     SELECT optimize_table_stats('mc\_%');    those that begin with mc_ (an underscore alone stands for any letter)
-- Only tables that the caller owns: of others ANALYZE would say no more than a warning.
CREATE OR REPLACE FUNCTION optimize_table_stats(pattern text DEFAULT '%')
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT n.nspname AS schema_name, c.relname AS table_name
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p')
          AND c.relpersistence <> 't'
          AND n.nspname = ANY (current_schemas(false))
          AND c.relname LIKE pattern
          AND pg_has_role(c.relowner, 'USAGE')
        ORDER BY n.nspname, c.relname
    LOOP
        EXECUTE format('ANALYZE %I.%I', found.schema_name, found.table_name);
        RAISE NOTICE 'Analyzed table: %', found.table_name;
    END LOOP;
END;
$$;

-- How often each index is used. An index that guards a rule (primary key, unique, exclusion) or identifies rows for
-- replication works without ever being scanned, and is not called unused. The counters say only what happened on this
-- server (a replica has its own) since `counted_since`; NULL: since the database was made.
CREATE OR REPLACE VIEW index_usage AS
SELECT
    s.schemaname,
    s.relname AS tablename,
    s.indexrelname AS indexname,
    s.idx_tup_read,
    s.idx_tup_fetch,
    s.idx_scan,
    CASE
        WHEN s.idx_scan = 0 AND (i.indisunique OR i.indisexclusion OR i.indisreplident) THEN 'Guards a rule'
        WHEN s.idx_scan = 0 THEN 'Never used'
        WHEN s.idx_scan < 10 THEN 'Rarely used'
        ELSE 'Actively used'
    END AS usage_status,
    pg_relation_size(s.indexrelid) AS size_bytes,
    (SELECT d.stats_reset FROM pg_stat_database AS d WHERE d.datname = current_database()) AS counted_since
FROM pg_stat_user_indexes AS s
JOIN pg_index AS i ON i.indexrelid = s.indexrelid
ORDER BY s.idx_scan, size_bytes DESC;

-- The slowest statements of this database by mean time, in milliseconds. It needs the extension pg_stat_statements,
-- loaded when the server starts (shared_preload_libraries); without it the rest of this file works all the same.
DO $$
DECLARE
    place text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') THEN
        RAISE NOTICE 'slow_queries_summary is left out: the extension pg_stat_statements is not installed';
        RETURN;
    END IF;
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    SELECT n.nspname INTO place
    FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
    WHERE e.extname = 'pg_stat_statements';
    EXECUTE format('SELECT 1 FROM %I.pg_stat_statements LIMIT 1', place);
    EXECUTE format(
        $view$
        CREATE OR REPLACE VIEW slow_queries_summary AS
        SELECT
            substring(query, 1, 100) AS query_snippet,
            calls,
            total_exec_time AS total_time,
            mean_exec_time AS mean_time,
            stddev_exec_time AS stddev_time,
            rows,
            100.0 * shared_blks_hit / nullif(shared_blks_hit + shared_blks_read, 0) AS hit_percent
        FROM %I.pg_stat_statements
        WHERE calls > 10
          AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY mean_exec_time DESC
        LIMIT 20
        $view$,
        place
    );
EXCEPTION
    WHEN object_not_in_prerequisite_state THEN
        RAISE NOTICE 'slow_queries_summary is left out: pg_stat_statements is not in shared_preload_libraries';
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'slow_queries_summary is left out: this user may not create the extension pg_stat_statements';
END;
$$;
