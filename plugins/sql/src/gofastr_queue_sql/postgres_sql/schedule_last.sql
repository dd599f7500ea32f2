-- The last job of a schedule, if the schedule still has this version and is not paused; and
-- whether that job is pending or claimed.
SELECT last_job, EXISTS (SELECT FROM {table} WHERE {table}.id = last_job AND state <> 'failed')
FROM {table}_schedules AS schedule
WHERE schedule.id = %(id)s AND schedule.version = %(version)s AND NOT paused
