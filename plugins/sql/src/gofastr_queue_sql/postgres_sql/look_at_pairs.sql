-- Is a job of these types ready, and what falls due next?
WITH RECURSIVE {heads_of_pairs},
bound (priority) AS (SELECT -2147483648)
SELECT {now}, ({soonest}), EXISTS (SELECT FROM heads)
