-- Move the ends of current leases, never to an earlier moment.
UPDATE {table} AS job
SET lease_until = greatest(job.lease_until, {now} + %(lease)s)
FROM unnest(%(ids)s::text[], %(tokens)s::text[]) AS claim (id, token)
WHERE job.id = claim.id AND job.token = claim.token
RETURNING job.id, job.token, job.lease_until
