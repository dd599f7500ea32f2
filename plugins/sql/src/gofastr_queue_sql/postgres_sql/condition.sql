-- In what condition is the table, and what may this role do with it?
SELECT
    relpersistence = 'u',
    NOT EXISTS (
        SELECT FROM pg_options_to_table(reloptions)
        WHERE option_name = 'autovacuum_enabled' AND NOT option_value::boolean
    ),
    pg_stat_get_dead_tuples(oid),
    pg_stat_get_live_tuples(oid),
    pg_has_role(relowner, 'USAGE'),
    ARRAY(
        SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
        WHERE NOT has_table_privilege(oid, privilege)
    ),
    has_sequence_privilege('{table}_seq', 'USAGE')
FROM pg_class WHERE oid = '{table}'::regclass
