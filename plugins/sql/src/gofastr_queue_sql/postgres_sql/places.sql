-- The time by which a bulk is dated, and places for its jobs.
SELECT {now}, ARRAY(SELECT nextval('{table}_seq') FROM generate_series(1, %(count)s))
