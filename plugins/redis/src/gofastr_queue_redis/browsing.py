"""Reading jobs by place, page by page: for browsing, and to choose what to replay or purge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import JobQuery, StoredPage
from gofastr_queue_redis import rows

GROUPS = {None: "nrlcf", Status.PENDING: "nrl", Status.CLAIMED: "c", Status.FAILED: "f"}
"""Status -> the letters of the groups that ``groups.lua`` knows."""

PAGE = 500
"""How many jobs a script moves or tells at most, so that it holds up nobody for long."""

LOOKED_AT = 2_000
"""How many jobs a script looks at for a page."""

HIGHEST = 2**48 - 1
"""The last place that there is."""


class Browser:
    """Reads by calling scripts with ``run(name, now, *arguments)``."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run

    def page(self, query: JobQuery) -> StoredPage:
        """Return the page that a query asks for, the latest first."""
        before = query.place_before()
        found: list[Any] = []
        for told in self._pages(query, "latest", before):
            found += told
            if query.limit is not None and len(found) > query.limit:
                break
        page = found if query.limit is None else found[: query.limit]
        more = len(found) > len(page) and bool(page)
        return StoredPage(
            tuple(rows.stored(one) for one in page), str(rows.place(page[-1])) if more else ""
        )

    def move(self, query: JobQuery, move: Callable[[list[str]], int]) -> int:
        """Have what matches moved, by id, the earliest first; return how many were.

        ``move`` returns how many it did: others may have taken some, and the next are tried then.
        """
        done = 0
        for told in self._pages(query, "earliest", None):
            ids = [rows.text(one[0]) for one in told]
            while ids:
                left = len(ids) if query.limit is None else query.limit - done
                if left <= 0:
                    return done
                done += move(ids[:left])
                ids = ids[left:]
        return done

    def _pages(self, query: JobQuery, order: str, before: int | None) -> Iterator[list[Any]]:
        if query.ids is not None:
            yield self._of_ids(query, order, before)
            return
        size = PAGE if query.limit is None else min(query.limit + 1, PAGE)
        place = "" if before is None else f"{min(before, HIGHEST):012x}"
        while True:
            told, *page = self._run(
                "browse",
                None,
                order,
                GROUPS[query.status],
                _exactly(query.lane),
                _exactly(query.type),
                rows.told(query.older_than),
                place,
                size,
                LOOKED_AT,
            )
            yield page
            place = rows.text(told)
            if not place:
                return

    def _of_ids(self, query: JobQuery, order: str, before: int | None) -> list[Any]:
        ids = list(dict.fromkeys(query.ids or ()))
        found = [
            one
            for start in range(0, len(ids), PAGE)
            for one in self._run("find", None, *ids[start : start + PAGE])
            if query.admits(rows.stored(one))
        ]
        found.sort(key=rows.place, reverse=order == "latest")
        return [one for one in found if before is None or rows.place(one) < before]


def _exactly(name: str | None) -> str:
    return "" if name is None else f"={name}"
