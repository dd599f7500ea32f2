"""A query for jobs as a condition in PostgreSQL."""

from __future__ import annotations

from typing import Any

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import JobQuery
from gofastr_queue_sql.queries import conditions_of

STATES = {
    None: "true",
    Status.PENDING: "{} IN ('ready', 'later')",
    Status.CLAIMED: "{} = 'claimed'",
    Status.FAILED: "{} = 'failed'",
}

STATE, UNINDEXED = "state", "state || ''"
"""Where ids are given, no index by state fits: one that was empty is taken for quick ever after."""


def condition(query: JobQuery, *also: Status) -> tuple[str, dict[str, Any]]:
    """Return what must hold for a row, and the values in it; it has each of these statuses too."""
    conditions, values = conditions_of(query, "%({})s")
    state = STATE if query.ids is None else UNINDEXED
    conditions += [STATES[status].format(state) for status in (query.status, *also)]
    if query.ids is not None:
        conditions.append("id = ANY(%(ids)s)")
        values["ids"] = list(query.ids)
    return " AND ".join(conditions), values
