-- Tell the waiting that jobs were stored.
SELECT pg_notify('{channel}', '')
