-- The last job of a schedule, if the schedule still has this version and is not paused.
SELECT last_job FROM {table}_schedules WHERE id = :id AND version = :version AND NOT paused
