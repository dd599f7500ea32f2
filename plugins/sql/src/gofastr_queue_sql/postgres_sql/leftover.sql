-- Drop what a REINDEX has left; one that goes on holds a lock, and has renamed it afterwards.
DROP INDEX CONCURRENTLY IF EXISTS {index}
