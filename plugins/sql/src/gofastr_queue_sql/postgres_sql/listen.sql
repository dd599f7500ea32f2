-- Be told of new jobs.
LISTEN "{channel}"
