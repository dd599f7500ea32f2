-- Say which version a queue's table has by now.
INSERT INTO {versions} (queue, version) VALUES ('{name}', {latest})
ON CONFLICT (queue) DO UPDATE SET version = excluded.version
