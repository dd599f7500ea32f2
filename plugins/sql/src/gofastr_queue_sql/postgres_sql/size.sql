-- About how many rows are there, and may this role vacuum them?
SELECT greatest(reltuples, 0)::bigint, pg_has_role(relowner, 'USAGE')
FROM pg_class WHERE oid = '{table}'::regclass
