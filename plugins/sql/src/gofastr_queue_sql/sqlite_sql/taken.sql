-- Which of these ids are stored?
SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))
