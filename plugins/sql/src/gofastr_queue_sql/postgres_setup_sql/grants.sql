-- What a role needs that only works with the queue.
GRANT USAGE ON SCHEMA "{schema}" TO worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON {table}_schedules, {table}_occurrences TO worker;
GRANT USAGE ON SEQUENCE {table}_seq TO worker;
GRANT SELECT ON {versions} TO worker
