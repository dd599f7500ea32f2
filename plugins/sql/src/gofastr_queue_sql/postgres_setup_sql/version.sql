-- The version of a queue's table.
SELECT version FROM {versions} WHERE queue = '{name}'
