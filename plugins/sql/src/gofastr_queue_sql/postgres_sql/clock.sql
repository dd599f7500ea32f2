-- The time by which a bulk is dated.
SELECT {now}
