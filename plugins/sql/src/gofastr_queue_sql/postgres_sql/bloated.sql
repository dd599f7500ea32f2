-- Indexes that are more than twice as large as they were if they held every row, and a megabyte; and
-- what a REINDEX that was broken off has left.  None while somebody is at work on the table.
-- An entry takes 12 bytes beside its columns, and in random order pages are two thirds full.
WITH width AS (
    SELECT
        coalesce(avg(pg_column_size(id)), 0) AS id,
        coalesce(avg(pg_column_size(lane) + pg_column_size(type)), 0) AS line
    FROM (SELECT id, lane, type FROM {table} LIMIT 1000) AS sample
),
need (index, bytes) AS (
    SELECT each.index::regclass, 1.5 * (20 + each.bytes) * greatest(reltuples, 0)
    FROM width, pg_class, LATERAL (VALUES
        ('{table}_pkey', 0),
        ('{table}_id', id),
        ('{table}_ready', 8 + line),
        ('{table}_order', 8),
        ('{table}_later', 8 + line),
        ('{table}_leases', 8 + line),
        ('{table}_failed', line)
    ) AS each (index, bytes)
    WHERE pg_class.oid = '{table}'::regclass
)
SELECT
    format('%I.%I', nspname, relname),
    pg_relation_size(indexrelid),
    NOT indisvalid
FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
LEFT JOIN need ON need.index = indexrelid
WHERE
    indrelid = '{table}'::regclass
    AND CASE
        WHEN indisvalid THEN pg_relation_size(indexrelid) > 2 * need.bytes + 1048576
        ELSE relname ~ '_cc(new|old)\d*$'
    END
    AND NOT EXISTS (
        SELECT FROM pg_locks
        WHERE
            database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND relation = '{table}'::regclass
            AND mode = 'ShareUpdateExclusiveLock'
    )
