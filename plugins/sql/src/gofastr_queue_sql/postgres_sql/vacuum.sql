-- Make room of rows that nobody can see any more, unless somebody does so already.
VACUUM (SKIP_LOCKED, TRUNCATE FALSE, PARALLEL 0) {table}
