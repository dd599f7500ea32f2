-- Schedules, and what became of their ticks.  They stay if only the table of jobs was dropped.
CREATE TABLE IF NOT EXISTS {table}_schedules (
    id text COLLATE "C" PRIMARY KEY,
    definition text NOT NULL,
    version bigint NOT NULL,
    registered_at bigint NOT NULL,
    watermark bigint NOT NULL,
    next_due bigint,
    paused boolean NOT NULL,
    last_job text NOT NULL
);
CREATE INDEX IF NOT EXISTS "{name}_due"
    ON {table}_schedules (next_due, id) WHERE next_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS {table}_occurrences (
    schedule text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    fate text NOT NULL,
    PRIMARY KEY (schedule, at)
);
