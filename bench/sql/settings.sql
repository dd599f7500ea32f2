-- The server's version, and the settings on which these measurements depend most.
SELECT 'server_version' AS name, current_setting('server_version') AS setting
UNION ALL
SELECT name, current_setting(name)
FROM pg_settings
WHERE
    name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum')
    OR source NOT IN ('default', 'override', 'client', 'session', 'configuration file')
    AND name NOT IN ('port', 'listen_addresses', 'unix_socket_directories')
