"""From results of cases to verdicts, certificates and tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import jsonschema
import pytest
from attrs import evolve
from click.testing import CliRunner

import gofastr_queue_conformance
from gofastr_queue import Capability, InvalidOption, Queue, Scheduler
from gofastr_queue.backends import Backend
from gofastr_queue.cli.app import app
from gofastr_queue_conformance.certifying import certificate, collecting, suite, tables, verdicts
from gofastr_queue_conformance.certifying.cases import Case
from gofastr_queue_conformance.certifying.certificate import Certificate, Subject
from gofastr_queue_conformance.certifying.emptying import Broom
from gofastr_queue_conformance.certifying.store import Store
from gofastr_queue_conformance.certifying.verdicts import Proof, Verdict
from gofastr_queue_conformance.evidence import Asked
from gofastr_queue_conformance.harness import Contract
from gofastr_queue_conformance.machine import LifecycleContract
from gofastr_queue_conformance.processes import ProcessesContract
from gofastr_queue_conformance.restarting import RestartingContract
from gofastr_queue_memory import MemoryBackend

BROWSE, REPLAY, WAKE = Capability.BROWSE, Capability.REPLAY, Capability.WAKE
SUBJECT = Subject("mine", "mine", "gofastr-queue-mine", "1.0")
SCHEMA = Path(gofastr_queue_conformance.__file__).parent / "certifying/certificate.schema.json"


def case(
    name: str = "test_it",
    topic: str = "storing",
    failure: str = "",
    about: Capability | None = None,
    *,
    pointless: bool = False,
    **asked: bool,
) -> Case:
    needed = {Capability[key.upper()]: offered for key, offered in asked.items()}
    return Case(name, topic, Asked(needed, pointless), about, failure, 0.5)


def made(*cases: Case, offered: frozenset[Capability] = frozenset()) -> Certificate:
    by_name = {f"{number}": one for number, one in enumerate(cases)}
    return certificate.of(SUBJECT, offered, by_name, level="default", seed=7)


def refusals() -> list[Case]:
    return [case(topic=verdicts.REFUSING, about=one, browse=False) for one in Capability]


def test_a_capability_is_proven_by_cases_that_needed_it_and_passed() -> None:
    cases = [case(browse=True), case(browse=True, replay=False), case()]

    assert verdicts.of_capability(BROWSE, cases, offered=True) == Proof(Verdict.PROVEN, 1)


def test_a_case_that_fails_refutes_what_it_needed_and_nothing_else() -> None:
    cases = [case(browse=True), case(browse=True, replay=True, failure="no"), case(wake=True)]
    judged = {
        one: verdicts.of_capability(one, cases, offered=True).verdict
        for one in (BROWSE, REPLAY, WAKE)
    }

    assert judged == {BROWSE: "refuted", REPLAY: "refuted", WAKE: "proven"}


def test_what_no_case_has_needed_is_unproven_and_so_not_certified() -> None:
    assert verdicts.of_capability(WAKE, [case(browse=True)], offered=True) == Proof(
        Verdict.UNPROVEN, 0
    )
    assert not made(case(), offered=frozenset({WAKE})).certified


def test_what_is_not_offered_is_refused_or_silent() -> None:
    refused = [case(topic=verdicts.REFUSING, about=WAKE, wake=False)]
    silent = [*refused, case(topic=verdicts.REFUSING, about=WAKE, failure="did not raise")]

    assert verdicts.of_capability(WAKE, refused, offered=False) == Proof(Verdict.REFUSED, 1)
    assert verdicts.of_capability(WAKE, silent, offered=False) == Proof(Verdict.SILENT, 2)
    assert verdicts.of_capability(WAKE, [], offered=False) == Proof(Verdict.UNPROVEN, 0)


def test_a_topic_counts_only_cases_that_show_something() -> None:
    judged = verdicts.of_topics(
        [
            case(topic="storing"),
            case(topic="storing", browse=False),
            case(topic="transactions", wake=False),
            case(topic="lost replies", pointless=True),
            case(topic="fencing", failure="no", browse=False),
        ]
    )

    assert judged == {
        "storing": Proof(Verdict.PROVEN, 1),
        "transactions": Proof(Verdict.REFUSED, 0),
        "fencing": Proof(Verdict.REFUTED, 1),
    }


def test_a_certificate_needs_every_verdict_to_be_good() -> None:
    good = made(case(), *refusals())

    assert good.certified
    assert not evolve(good, topics={"storing": Proof(Verdict.REFUTED, 1)}).certified
    assert not made(case(), case(failure="no"), *refusals()).certified


def test_a_certificate_comes_back_from_its_file_and_fits_its_schema(tmp_path: Path) -> None:
    given = made(case(), case(name="test_bad", failure="no"), *refusals())
    file = tmp_path / "certificate.json"

    certificate.write(file, given)

    document = json.loads(file.read_text("utf-8"))
    jsonschema.validate(document, json.loads(SCHEMA.read_text("utf-8")))
    assert document["certified"] is False
    assert certificate.read(file) == given


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form": 1}', '{"form": 2}'])
def test_what_is_no_certificate_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "old.json"
    file.write_text(text)

    with pytest.raises(ValueError, match=r"old\.json"):
        certificate.read(file)


def test_losing_what_was_proven_is_told() -> None:
    before = made(case(topic="fencing"), case(browse=True), offered=frozenset({BROWSE}))
    now = made(case(), case(browse=True, failure="no"), offered=frozenset({BROWSE}))

    assert certificate.lost(before, now) == ["fencing", "storing", "browse"]
    assert certificate.lost(before, before) == []


def test_the_table_has_a_column_for_each_backend() -> None:
    one = made(case(), *refusals())
    other = evolve(one, backend=evolve(SUBJECT, name="other"), topics={})

    lines = tables.markdown([one, other]).splitlines()

    assert lines[0] == "| | mine | other |"
    assert "| storing | proven (1) |  |" in lines
    assert "| wake | refused | refused |" in lines


@pytest.fixture
def shared() -> Iterator[str]:
    name = f"{uuid4()}"
    keeper = MemoryBackend(name=name)
    yield f"memory://{name}"
    keeper.queue_close()


def test_a_store_is_emptied_after_each_case(shared: str) -> None:
    with Store(shared).fresh() as harness, Queue(harness.open()) as queue:
        queue.enqueue("mail", id="pending")
        queue.enqueue("mail", id="later", delay=timedelta(days=3_000))
        queue.enqueue("mail", id="failed", max_attempts=1)
        queue.nack(queue.claim(2)[1])
        Scheduler(queue).every(timedelta(hours=1), "tick")

    with Queue.open(shared) as queue:
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
        assert queue.schedules() == []


def lasts(url: str) -> bool:
    """Tell whether a store in memory outlives an opening: it does while somebody has it open."""
    with Queue.open(url) as queue:
        queue.enqueue("mail")
    with Queue.open(url) as queue:
        return queue.stats()["pending"] == 1


def test_a_store_stays_open_from_case_to_case_but_not_for_one_that_is_alone() -> None:
    store = Store(f"memory://{uuid4()}")

    with store.fresh(alone=False):
        pass
    with store.fresh(alone=False) as harness:
        assert lasts(harness.url)
    with store.fresh() as harness:
        assert not lasts(harness.url)
    assert not lasts(store.url)


def test_nothing_of_a_store_stays_open_once_it_is_closed() -> None:
    store = Store(f"memory://{uuid4()}")

    with store.fresh(alone=False):
        pass
    store.close()

    assert not lasts(store.url)


def test_a_store_that_has_dropped_what_was_idle_is_emptied_by_a_new_opening() -> None:
    opened: list[MemoryBackend] = []

    def open() -> Backend:
        opened.append(MemoryBackend(name="swept"))
        return opened[-1]

    with Queue.open("memory://swept") as queue:
        broom = Broom(open, queue.capabilities)
        broom.sweep()
        opened[0].queue_close()
        queue.enqueue("mail")

        broom.sweep()

        assert queue.stats()["pending"] == 0
    broom.put_away()
    assert len(opened) == 2


@pytest.mark.parametrize("contract", [ProcessesContract, RestartingContract, LifecycleContract])
def test_cases_that_end_a_stores_last_opening_are_alone(contract: type[Contract]) -> None:
    name = next(name for name in vars(contract) if name.startswith("test_"))
    item = cast(pytest.Item, SimpleNamespace(name=name))

    assert collecting.topic_of(suite.TestBackend, item) in suite.ALONE


def test_a_store_that_holds_schedules_is_left_alone(shared: str) -> None:
    with Queue.open(shared) as queue:
        Scheduler(queue).every(timedelta(hours=1), "tick")

        with pytest.raises(InvalidOption, match="schedules"):
            Store(shared).check()

        assert len(queue.schedules()) == 1


def test_a_store_that_holds_jobs_is_left_alone(shared: str) -> None:
    with Queue.open(shared) as queue:
        queue.enqueue("mail", id="one")
        done = CliRunner().invoke(app, ["certify", shared])

        assert done.exit_code == 2
        assert "give an empty one" in done.stderr
        assert [job.id for job in queue.list_jobs()] == ["one"]


def test_a_url_that_opens_another_store_each_time_is_refused() -> None:
    with pytest.raises(InvalidOption, match="memory://name"):
        Store("memory://").check()


def test_braces_in_a_url_give_each_case_a_store_of_its_own() -> None:
    store = Store("memory://case-{}")

    store.check()
    with store.fresh() as one, store.fresh() as other:
        assert one.url != other.url


def test_a_baseline_that_is_none_is_refused(shared: str, tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text("{}")

    done = CliRunner().invoke(app, ["certify", shared, "--baseline", str(file)])

    assert (done.exit_code, "old.json is no certificate" in done.stderr) == (2, True)
