-- Has a third of the pages changed since the last vacuum, and not just a few rows?  Indexes alone
-- cannot tell then which of their rows count; the server's own counters are enough to guess by.
SELECT changed >= %(least)s AND 3 * changed > pages
FROM (
    SELECT
        pg_stat_get_dead_tuples(oid) + pg_stat_get_ins_since_vacuum(oid) AS changed,
        pg_relation_size(oid) / current_setting('block_size')::bigint AS pages
    FROM pg_class WHERE oid = '{table}'::regclass
) AS state
