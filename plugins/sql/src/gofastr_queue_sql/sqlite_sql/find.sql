-- The job of this id.
SELECT {columns} FROM {table} WHERE id = ?
