-- Is a job of these lanes ready, and what falls due next?
WITH RECURSIVE {heads_of_lines}
SELECT {now}, ({soonest}), EXISTS (SELECT FROM heads)
