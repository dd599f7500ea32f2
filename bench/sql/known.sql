-- What the planner knows of a table: rows (-1: nothing), and since when; and what a vacuum would do.
SELECT
    reltuples::bigint,
    n_dead_tup,
    n_ins_since_vacuum,
    greatest(last_analyze, last_autoanalyze)::time(0)::text,
    greatest(last_vacuum, last_autovacuum)::time(0)::text
FROM pg_class JOIN pg_stat_user_tables ON relid = pg_class.oid
WHERE relid = '{table}'::regclass
