-- The schema, in PostgreSQL's sense, that holds the queues.
CREATE SCHEMA IF NOT EXISTS "{schema}"
