-- Is this session encrypted by GSSAPI?  A server built without it has no row.
SELECT coalesce((SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()), false)
