-- What the server and this session are set to; timeouts are in milliseconds.
SELECT name, setting FROM pg_settings WHERE name IN (
    'fsync', 'full_page_writes', 'synchronous_commit',
    'autovacuum', 'track_counts',
    'default_transaction_isolation', 'default_transaction_read_only',
    'statement_timeout', 'transaction_timeout', 'lock_timeout',
    'idle_in_transaction_session_timeout'
)
