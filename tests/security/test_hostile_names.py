"""Hostile names in bulk: each is refused before the store hears of it, or is only a name there."""

from __future__ import annotations

import itertools
import re
from functools import partial
from typing import Any

import pytest

from gofastr_queue import InvalidJob, InvalidOption, Job, Queue, Status
from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness

PIECES = (
    *('x"; DROP TABLE queue_jobs;--', "x'; DROP TABLE queue_jobs;--", "' OR '1'='1", '" OR ""="'),
    *("'; ATTACH 'x' AS y;--", "x/*", "*/x", "--", "\\'", "$$", "$1", "$tag$", ":id", "?", "%s"),
    *("%(id)s", "{}", "{columns}", "{0.__class__}", "${x}", "`id`", "$(id)", "|id", "&&id", ";id"),
    *("]]", "]=]", '" .. os.exit() .. "', "') return redis.call('FLUSHALL') --", "KEYS[1]", "ARGV"),
    *("{a}", "a}b", "a{b", "{}:jobs", "a*", "a?", "[a-z]", "a:dead", "a:", ":a", "::", "*", "\\*"),
    *("../../x", "..", ".", "/etc/passwd", "C:\\x", "a/b", "~", "pg_temp.x", "pg_catalog.pg_class"),
    *("<script>alert(1)</script>", "javascript:alert(1)", "&lt;", "null", "None", "NaN", "true"),
    *("0", "00", "1e3", "-1", "0x1", "pending", "claimed", "failed", "\ufeff", "\u200b", "\u202ea"),
    *(
        "\u2028",
        "\u2029",
        "é",
        "e\u0301",
        "ß",
        "SS",
        "İ",
        "\u0131",
        "I",
        "i",
        "ﬁ",
        "\u212a",
        "K",
        "k",
    ),
    *(
        "\uff07",
        "\u02bc",
        "\u2019",
        "\U0001f600",
        "\U0010ffff",
        "\ufffd",
        "\ufffe",
        "a ",
        " a",
        " ",
    ),
    *("a\u00a0", "__init__", "os.system", "__import__('os')", "!!python/object", "gASVC", "\u00ad"),
)

REFUSED = (
    *(
        "",
        "\0",
        "a\0b",
        "\n",
        "a\nb",
        "\r",
        "\t",
        "\x1b[2J",
        "\x1b]0;x\x07",
        "\x7f",
        "\x85",
        "\x9b",
    ),
    *("\ud800", "a\udfff", "x" * 256, "\U0001f600" * 256),
)

NAMES = [
    *PIECES,
    *(f"{one}{other}" for one, other in itertools.pairwise(PIECES)),
    *(one * (255 // len(one)) for one in PIECES[:30]),
]


def test_there_are_hundreds() -> None:
    assert len(set(NAMES)) == len(NAMES) > 200


def test_a_name_is_stored_and_found_as_it_is(harness: Harness) -> None:
    jobs = [
        Job(type=type, lane=lane, id=id, payload=[type, lane, id])
        for type, lane, id in zip(NAMES, NAMES[1:] + NAMES[:1], NAMES[2:] + NAMES[:2], strict=True)
    ]
    with Queue(harness.open()) as queue:
        queue.enqueue("witness", id="witness")
        queue.enqueue_many(jobs)

        for job in jobs:
            found = queue.get(job.id)
            assert found is not None
            assert [found.type, found.lane, found.id] == found.payload == job.payload
            assert [one.id for one in queue.list_jobs(type=job.type)] == [job.id]
            assert [one.id for one in queue.list_jobs(lane=job.lane)] == [job.id]
            (claim,) = queue.claim(9, types=[job.type], lanes=[job.lane])
            assert claim.job.id == job.id
            if len(job.id) % 2:
                assert queue.ack(claim)
            else:
                assert queue.nack(claim, job.id, delay=None)
        for job in jobs:
            assert queue.purge("pending", type=job.type) == (len(job.id) % 2 == 0)

        assert [job.id for job in queue.list_jobs()] == ["witness"]


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_what_is_no_name_is_refused_wherever_a_name_is_taken(harness: Harness, name: str) -> None:
    calls: list[Any] = [
        lambda queue: queue.enqueue(name),
        lambda queue: queue.get(name),
        lambda queue: queue.replay(name),
        lambda queue: queue.cancel(name),
        lambda queue: queue.list_jobs(type=name),
        lambda queue: queue.claim(1, types=[name]),
        lambda queue: queue.register_handler(name, print),
    ]
    if name:
        calls += [
            lambda queue: queue.enqueue("mail", id=name),
            lambda queue: queue.enqueue("mail", lane=name),
            lambda queue: queue.claim(1, lanes=[name]),
            lambda queue: queue.purge("pending", lane=name),
        ]
    with Queue(harness.open()) as queue:
        queue.enqueue("witness", id="witness")

        for call in calls:
            with pytest.raises(InvalidJob):
                call(queue)

        assert [job.id for job in queue.list_jobs()] == ["witness"]


def test_what_is_no_status_and_no_cursor_is_refused(harness: Harness) -> None:
    with Queue(harness.open()) as queue:
        queue.enqueue("witness", id="witness")

        for name in (*NAMES, *REFUSED):
            if name in ("", *Status) or name.isdecimal():
                continue
            for call in (
                partial(queue.list_jobs, name),
                partial(queue.purge, name),
                partial(queue.list_jobs, before=name),
            ):
                with pytest.raises(InvalidOption):
                    call()

        assert [job.id for job in queue.list_jobs()] == ["witness"]


PLAIN = {"redis": re.compile(r"[A-Za-z0-9_.:-]{1,64}")}
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}")
"""What the pages say that names of tables, schemas and queues are."""


@pytest.mark.parametrize(
    ("store", "option"),
    [("sqlite", "table"), ("postgres", "table"), ("postgres", "schema"), ("redis", "name")],
)
def test_what_is_no_plain_identifier_names_no_table_and_no_key(
    store: str, option: str, request: pytest.FixtureRequest
) -> None:
    harness: Harness = request.getfixturevalue(store)
    plain = PLAIN.get(store, IDENTIFIER)
    alike = ("x" * 64 + "1", "x" * 64 + "2")  # a store that cuts them would take them for one
    names = [name for name in (*NAMES, *REFUSED, *alike) if not plain.fullmatch(name)]
    assert len(names) > 150
    with Queue(harness.open()) as queue:
        queue.enqueue("witness", id="witness")

        for name in names:
            options: dict[str, Any] = {option: name}
            with pytest.raises(InvalidOption):
                connect(harness.url.partition("?")[0], **options)

        assert [job.id for job in queue.list_jobs()] == ["witness"]
