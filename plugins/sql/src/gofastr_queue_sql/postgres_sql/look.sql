-- Is a wanted job ready, and what falls due next?
WITH RECURSIVE {heads}
SELECT {now}, ({soonest}), EXISTS (SELECT FROM heads)
