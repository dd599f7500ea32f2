"""Handlers get what their parameters ask for; what cannot be called is refused at registration."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import gofastr_queue
from gofastr_queue import (
    Backoff,
    Bury,
    Claim,
    Context,
    InvalidJob,
    InvalidOption,
    Job,
    Retry,
    Snooze,
)
from gofastr_queue.handlers import Handler, Registry

JOB = Job(type="mail", id="1")
CONTEXT = Context(
    Claim(JOB, "token", datetime(2026, 1, 1, tzinfo=UTC)), lambda _claim, _lease: True
)


def register(function: Callable[..., Any], **options: Any) -> Handler:
    return Registry().register("mail", function, **options)


def call(function: Callable[..., Any]) -> Any:
    """Return what the handler returns, which is what it was given."""
    return register(function).call(JOB, CONTEXT)


def by_string(job: Job, context: Context) -> object:
    return job, context


def turned_round(context: Context, job: Job) -> object:
    return job, context


def qualified(work: gofastr_queue.Job) -> object:
    return work


def with_default(job: Job, times: int = 3, *, loud: bool = True) -> object:
    return job, times, loud


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return inner


class Mailer:
    def method(self, job: Job, context: Context) -> object:
        return job, context

    @classmethod
    def of_class(cls, job: Job) -> object:
        return job

    @staticmethod
    def static(context: Context) -> object:
        return context

    def __call__(self, context: Context, job: Job) -> object:
        return job, context


class AsyncMailer:
    async def __call__(self, job: Job) -> None:
        """Do nothing."""


async def async_function(job: Job) -> None:
    """Do nothing."""


def curried(prefix: str, job: Job, context: Context) -> object:
    return prefix, job, context


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (by_string, (JOB, CONTEXT)),
        (turned_round, (JOB, CONTEXT)),
        (qualified, JOB),
        (with_default, (JOB, 3, True)),
        (decorated(turned_round), (JOB, CONTEXT)),
        (Mailer().method, (JOB, CONTEXT)),
        (Mailer.of_class, JOB),
        (Mailer.static, CONTEXT),
        (Mailer(), (JOB, CONTEXT)),
        (functools.partial(curried, "x"), ("x", JOB, CONTEXT)),
        (lambda job: job, JOB),
        (lambda job, /: job, JOB),
        (lambda: "nothing", "nothing"),
        (lambda job=None: job, JOB),
        (lambda *jobs: jobs, (JOB,)),
    ],
)
def test_parameters_are_filled_by_annotation(function: Callable[..., Any], given: object) -> None:
    assert call(function) == given


def test_annotations_that_are_no_strings_work_as_well() -> None:
    def handler(first: Any, second: Any) -> object:
        return first, second

    handler.__annotations__ = {"first": Context, "second": Job}

    assert call(handler) == (CONTEXT, JOB)


def test_an_annotation_that_only_a_type_checker_can_resolve_is_understood() -> None:
    def handler(job: Any, context: Any) -> None: ...

    handler.__annotations__ = {"job": "unknown.Job", "context": "Context"}

    assert register(handler).call(JOB, CONTEXT) is None


def test_a_context_with_a_default_is_filled() -> None:
    def handler(job: Job, context: Context = CONTEXT) -> object:
        return job, context

    other = Context(CONTEXT.claim, lambda _claim, _lease: False)

    assert register(handler).call(JOB, other) == (JOB, other)


def test_a_first_parameter_with_a_default_of_another_type_keeps_it() -> None:
    def handler(times: int = 3) -> int:
        return times

    assert call(handler) == 3


def test_a_keyword_only_parameter_without_default_is_refused() -> None:
    def handler(*, job: Job) -> None: ...

    with pytest.raises(InvalidOption, match="'mail' has the keyword-only parameter 'job'"):
        register(handler)


@pytest.mark.parametrize("annotation", [int, "int", "Payload", "Job | None", "not python!", dict])
def test_a_parameter_of_another_type_is_refused_by_name(annotation: object) -> None:
    def handler(work: Any) -> None: ...

    handler.__annotations__ = {"work": annotation}

    with pytest.raises(InvalidOption, match="the handler of 'mail' has the parameter 'work'"):
        register(handler)


@pytest.mark.parametrize("function", [None, 5, "tasks.mail", [by_string]])
def test_what_cannot_be_called_is_no_handler(function: Any) -> None:
    with pytest.raises(InvalidOption, match="handler of 'mail' must be callable, got"):
        register(function)


def test_a_generator_function_is_refused_because_calling_it_runs_nothing() -> None:
    def generator(job: Job) -> Iterator[Job]:
        yield job

    async def async_generator(job: Job) -> AsyncIterator[Job]:
        yield job

    for function in (generator, async_generator):
        with pytest.raises(InvalidOption, match="mail"):
            register(function)


@pytest.mark.parametrize(
    "function",
    [async_function, functools.partial(async_function), AsyncMailer(), AsyncMailer().__call__],
)
def test_async_handlers_are_told_apart(function: Callable[..., Any]) -> None:
    assert register(function).is_async
    assert not register(by_string).is_async


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": 0},
        {"max_attempts": -1},
        {"max_attempts": True},
        {"max_attempts": "5"},
        {"timeout": timedelta(0)},
        {"timeout": timedelta(-1)},
        {"timeout": 5},
        {"backoff": timedelta(seconds=5)},
    ],
)
def test_a_handlers_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=next(iter(options))):
        register(by_string, **options)


@pytest.mark.parametrize("type", ["", "x" * 256, "a\nb", None, 5])
def test_a_handlers_type_is_a_name(type: Any) -> None:
    with pytest.raises(InvalidJob, match="type"):
        Registry().register(type, by_string)


def test_a_second_registration_replaces_the_first_and_listeners_hear_of_both() -> None:
    registry, heard = Registry(), []
    registry.on_change(lambda: heard.append(len(registry.all())))
    backoff = Backoff(timedelta(seconds=1))

    registry.register("mail", by_string)
    registry.register("mail", turned_round, max_attempts=7, backoff=backoff)

    handler = registry.get("mail")
    assert handler is not None
    assert (handler.max_attempts, handler.backoff) == (7, backoff)
    assert heard == [1, 1]
    assert registry.get("other") is None


def test_instructions_of_handlers_check_their_delays() -> None:
    with pytest.raises(InvalidJob, match="after must be"):
        Retry(after=timedelta(-1))
    with pytest.raises(InvalidJob, match="delay must be"):
        Snooze(5)  # type: ignore[arg-type] # the bad input
    assert str(Bury("no such user")) == "no such user"
    assert str(Bury()) == "the handler buried the job"
