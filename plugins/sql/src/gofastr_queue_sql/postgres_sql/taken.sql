-- Which of these ids are stored?
SELECT id FROM {table} WHERE id = ANY(%(ids)s)
