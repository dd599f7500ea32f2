"""A query for jobs as a condition in PostgreSQL."""

from __future__ import annotations

from typing import Any

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import JobQuery
from gofastr_queue_sql.queries import conditions_of

STATES = {
    None: "true",
    Status.PENDING: "state IN ('ready', 'later')",
    Status.CLAIMED: "state = 'claimed'",
    Status.FAILED: "state = 'failed'",
}


def condition(query: JobQuery) -> tuple[str, dict[str, Any]]:
    """Return what must hold for a row, and the values in it."""
    conditions, values = conditions_of(query, "%({})s")
    conditions.append(STATES[query.status])
    if query.ids is not None:
        conditions.append("id = ANY(%(ids)s)")
        values["ids"] = list(query.ids)
    return " AND ".join(conditions), values
