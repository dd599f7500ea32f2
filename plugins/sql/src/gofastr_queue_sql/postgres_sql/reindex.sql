-- Make an index anew while it is used.
REINDEX INDEX CONCURRENTLY {index}
