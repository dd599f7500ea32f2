-- Which of these are there?  Asked of the catalog's tables: to_regclass may answer from memory.
SELECT
    EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = '{schema}'),
    bool_or(relname = 'gofastr_queue_schema') IS TRUE,
    bool_or(relname = '{name}') IS TRUE
FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON relnamespace = pg_namespace.oid
WHERE nspname = '{schema}' AND relname IN ('gofastr_queue_schema', '{name}')
