"""What browsing, replaying and purging choose by, where SQL's dialects agree."""

from __future__ import annotations

from typing import Any

from gofastr_queue.records import JobQuery
from gofastr_queue_sql.rows import micros


def conditions_of(query: JobQuery, place: str) -> tuple[list[str], dict[str, Any]]:
    """Return conditions as SQL of fixed texts, and their values as parameters.

    ``place`` is how a dialect writes a parameter of a name, for instance ``:{}``.  Left to it are
    the status and the ids.  Raises ``InvalidOption`` for a cursor that no page gave.
    """
    conditions: list[str] = []
    values: dict[str, Any] = {}

    def add(condition: str, name: str, value: object) -> None:
        conditions.append(f"{condition} {place.format(name)}")
        values[name] = value

    if query.type is not None:
        add("type =", "type", query.type)
    if query.lane is not None:
        add("lane =", "lane", query.lane)
    if query.older_than is not None:
        add("created_at <", "older_than", micros(query.older_than))
    before = query.place_before()
    if before is not None:
        add("seq <", "before", before)
    return conditions, values
