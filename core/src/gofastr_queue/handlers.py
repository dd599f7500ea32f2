"""Handlers: found by job type, called with what their parameters' annotations ask for."""

from __future__ import annotations

import functools
import inspect
import threading
import typing
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import field, frozen

from gofastr_queue import failpoints, limits
from gofastr_queue.errors import InvalidOption
from gofastr_queue.job import Claim, Job
from gofastr_queue.places import Place, place_of
from gofastr_queue.retry import Backoff


class Retry(Exception):  # noqa: N818 - an instruction, not a fault
    """Raised by a handler: this attempt failed, try again.

    ``after`` replaces the backoff; on the last attempt the job is buried as after any failure.
    """

    def __init__(self, after: timedelta | None = None, reason: str = "") -> None:
        self.after = None if after is None else limits.delay(after, "after")
        self.reason = reason
        super().__init__(reason or "the handler asked for another attempt")


class Bury(Exception):  # noqa: N818 - an instruction, not a fault
    """Raised by a handler: give up on this job now, whatever attempts are left."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason or "the handler buried the job")


class Snooze(Exception):  # noqa: N818 - an instruction, not a fault
    """Raised by a handler: back to pending for ``delay``; no attempt is used."""

    def __init__(self, delay: timedelta) -> None:
        self.delay = limits.delay(delay)
        super().__init__(f"the handler snoozed the job for {delay}")


class Context:
    """What a running handler may ask and do about its own claim."""

    __slots__ = ("_cancelled", "_event", "_extend", "_on_cancel", "claim", "done", "total")

    def __init__(self, claim: Claim, extend: Callable[[Claim, timedelta | None], bool]) -> None:
        self.claim = claim
        self.done: float = 0
        self.total: float | None = None
        self._extend = extend
        self._cancelled = False
        self._event: threading.Event | None = None
        self._on_cancel: Callable[[], object] | None = None

    @property
    def job(self) -> Job:
        """The job that runs."""
        return self.claim.job

    @property
    def cancelled(self) -> bool:
        """Whether to stop: the timeout passed, the lease is lost, or the worker's grace ended.

        Never in a handler with ``process``: its process is ended instead.
        """
        return self._cancelled

    def wait(self, timeout: timedelta) -> bool:
        """Sleep, but not past a cancellation; return ``cancelled``."""
        if self._event is None:
            self._event = threading.Event()
        if not self._cancelled:
            self._event.wait(timeout.total_seconds())
        return self._cancelled

    def extend(self, lease: timedelta | None = None) -> bool:
        """Lease the job anew from now; False when somebody else has taken over.

        The worker does this by itself while the handler runs.
        """
        return self._extend(self.claim, lease)

    def progress(self, done: float, total: float | None = None) -> None:
        """Say how far the work has come; a worker that must leave the job logs it."""
        self.done, self.total = done, total

    def cancel(self) -> None:
        """Set ``cancelled``; called by the worker, repeatable."""
        self._cancelled = True
        if self._event is not None:
            self._event.set()
        if self._on_cancel is not None:
            self._on_cancel()

    def on_cancel(self, action: Callable[[], object]) -> None:
        """Call ``action`` at a cancellation, which may be now."""
        self._on_cancel = action
        if self._cancelled:
            action()


Function = Callable[..., Any]


@frozen(eq=False)
class Handler:
    """A registered handler: ``call(job, context)`` fills its parameters.

    ``place`` is where a process finds ``function``; None for one that runs in the worker itself.
    """

    type: str
    function: Function
    call: Callable[[Job, Context], Any]
    is_async: bool
    max_attempts: int | None = None
    backoff: Backoff | None = None
    timeout: timedelta | None = None
    place: Place | None = None

    @property
    def on_loop(self) -> bool:
        """Whether the worker's event loop runs it, and no thread waits for it."""
        return self.is_async and self.place is None


@frozen(eq=False)
class Registry:
    """Handlers by type; safe to change while workers run."""

    _handlers: dict[str, Handler] = field(factory=dict, alias="handlers")
    _listeners: list[Callable[[], object]] = field(factory=list, alias="listeners")

    def register(
        self,
        type: str,
        function: Function,
        *,
        max_attempts: int | None = None,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
        process: bool = False,
    ) -> Handler:
        """Register ``function`` for ``type``, in place of an earlier one.

        Raises ``InvalidOption`` for a function whose parameters cannot be filled, or that a
        ``process`` could not import.
        """
        limits.name("type", type)
        if not callable(function):
            raise InvalidOption(f"the handler of {type!r} must be callable, got {function!r}")
        if _is_generator(function):
            raise InvalidOption(
                f"the handler of {type!r} is a generator function: calling it would run nothing"
            )
        if max_attempts is not None:
            limits.count("max_attempts", max_attempts)
        if backoff is not None and not isinstance(backoff, Backoff):
            raise InvalidOption(f"backoff must be a Backoff, got {backoff!r}")
        if timeout is not None:
            limits.duration("timeout", timeout)
        if not isinstance(process, bool):
            raise InvalidOption(f"process must be True or False, got {limits.shown(process)}")
        is_async = _is_async(function)
        handler = Handler(
            type=type,
            function=function,
            call=failpoints.around(
                "handler.before", _bind(type, function), "handler.after", is_async=is_async
            ),
            is_async=is_async,
            max_attempts=max_attempts,
            backoff=backoff,
            timeout=timeout,
            place=place_of(type, function) if process else None,
        )
        self._handlers[type] = handler
        for listener in tuple(self._listeners):
            listener()
        return handler

    def get(self, type: str) -> Handler | None:
        """Return the handler of a type."""
        return self._handlers.get(type)

    def all(self) -> tuple[Handler, ...]:
        """Return every handler."""
        return tuple(self._handlers.values())

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call ``listener`` after each registration."""
        self._listeners.append(listener)

    def off_change(self, listener: Callable[[], object]) -> None:
        """Stop calling ``listener``."""
        if listener in self._listeners:
            self._listeners.remove(listener)


def _is_generator(function: Function) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 - an object whose __call__ yields
    return any(
        inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one)
        for one in (function, call)
    )


def _is_async(function: Function) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with async __call__
    )


def _bind(type: str, function: Function) -> Callable[[Job, Context], Any]:
    """Return a function of (job, context) that gives ``function`` what it asks for."""
    asked = [_asked(type, function, parameter) for parameter in _parameters(type, function)]
    if asked == [Job]:
        return lambda job, _: function(job)
    if asked == [Job, Context]:
        return function
    return lambda job, context: function(*(job if kind is Job else context for kind in asked))


def _parameters(type: str, function: Function) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise InvalidOption(
            f"the handler of {type!r} has no signature; wrap {function!r} in a function of a job"
        ) from None
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    filled: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        optional = parameter.default is not parameter.empty
        if parameter.kind is parameter.KEYWORD_ONLY and not optional:
            raise InvalidOption(
                f"the handler of {type!r} has the keyword-only parameter {parameter.name!r} "
                "without a default; handlers are called by position"
            )
        if parameter.kind is parameter.VAR_POSITIONAL and not filled:
            return [parameter]
        if parameter.kind not in by_position:
            break
        annotation = _annotation(function, parameter)
        bare = annotation is parameter.empty and not filled
        if optional and not bare and annotation not in (Job, Context):
            break
        filled.append(parameter)
    return filled


def _asked(handler: str, function: Function, parameter: inspect.Parameter) -> type:
    annotation = _annotation(function, parameter)
    if annotation is Context:
        return Context
    if annotation is Job or annotation is inspect.Parameter.empty:
        return Job
    raise InvalidOption(
        f"the handler of {handler!r} has the parameter {parameter.name!r} of "
        f"{annotation!r}; a handler's parameters are a Job, a Context, or have a default"
    )


def _annotation(function: Function, parameter: inspect.Parameter) -> object:
    annotation = parameter.annotation
    if not isinstance(annotation, str):
        return annotation
    while isinstance(function, functools.partial):
        function = function.func
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target).get(parameter.name, annotation)
    except Exception:  # noqa: BLE001 - evaluating a user's annotation may raise anything
        last = annotation.rpartition(".")[2]  # an annotation only a type checker can resolve
        return {"Job": Job, "Context": Context}.get(last, annotation)
