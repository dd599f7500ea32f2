"""What browsing, replaying and purging choose by, as conditions of a statement."""

from __future__ import annotations

from typing import Any

from gofastr_queue.errors import InvalidOption
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import CURSOR, JobQuery
from gofastr_queue_sql.rows import micros

STATE_CONDITIONS = {
    None: "true",
    Status.PENDING: "state IN ('ready', 'later')",
    Status.CLAIMED: "state = 'claimed'",
    Status.FAILED: "state = 'failed'",
}


def conditions_of(query: JobQuery) -> tuple[str, dict[str, Any]]:
    """Return a query as SQL of fixed texts, and its values as parameters."""
    conditions = [STATE_CONDITIONS[query.status]]
    values: dict[str, Any] = {}
    if query.ids is not None:
        conditions.append("id = ANY(%(ids)s)")
        values["ids"] = list(query.ids)
    for name in ("type", "lane"):
        value = getattr(query, name)
        if value is not None:
            conditions.append(f"{name} = %({name})s")
            values[name] = value
    if query.older_than is not None:
        conditions.append("created_at < %(older_than)s")
        values["older_than"] = micros(query.older_than)
    if query.before:
        if not CURSOR.fullmatch(query.before):
            raise InvalidOption(
                f"before must be a cursor from an earlier page, got {query.before!r}"
            )
        conditions.append("seq < %(before)s")
        values["before"] = int(query.before)
    return " AND ".join(conditions), values
