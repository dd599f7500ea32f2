-- What time is it for schedules?
SELECT {now}
