-- Read the table, so that the transaction's snapshot keeps every row that it saw.
SELECT count(*) FROM {table}
