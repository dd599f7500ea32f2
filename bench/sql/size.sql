-- Bytes of a table with its indexes.
SELECT pg_total_relation_size('{table}')
