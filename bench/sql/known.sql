-- What the planner knows of a table: rows (-1: nothing), and since when.
SELECT
    reltuples::bigint,
    n_dead_tup,
    greatest(last_analyze, last_autoanalyze)::time(0)::text,
    greatest(last_vacuum, last_autovacuum)::time(0)::text
FROM pg_class JOIN pg_stat_user_tables ON relid = pg_class.oid
WHERE relid = '{table}'::regclass
