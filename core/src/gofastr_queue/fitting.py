"""Making a backend's own methods take what their hooks are called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from gofastr_queue import signatures
from gofastr_queue.capabilities import HOOKS_OF
from gofastr_queue.errors import UnsupportedOperation

Function = Callable[..., Any]


def fit(name: str, function: Function) -> Callable[[Function], Function]:
    """Return what makes such a function take the arguments of its hook."""
    defaults = signatures.defaults(name)
    if not defaults:
        return _as_it_is
    given = inspect.signature(function).parameters
    left_out = frozenset(defaults.keys() - given.keys())
    if left_out:
        return partial(_without, left_out=left_out)
    needed = {key: one for key, one in defaults.items() if given[key].default is given[key].empty}
    return partial(with_defaults, defaults=needed)


def _as_it_is(function: Function) -> Function:
    return function


def _without(function: Function, left_out: frozenset[str]) -> Function:
    """Leave out the arguments that a backend does not take, as pluggy would."""

    def call(**arguments: object) -> Any:
        for name in left_out:
            arguments.pop(name, None)
        return function(**arguments)

    return call


def with_defaults(function: Function, defaults: dict[str, Any]) -> Function:
    """Fill in what the specification's defaults say; pluggy itself passes only what it is given."""
    return partial(function, **defaults) if defaults else function


def refusal(backend: str, name: str) -> Function:
    """Return what is called in place of a hook that a backend lacks."""
    capability = next(cap for cap, hooks in HOOKS_OF.items() if name in hooks)

    def refuse(**_: object) -> NoReturn:
        raise UnsupportedOperation(
            backend, name.removeprefix("queue_").replace("_", " "), capability
        )

    return refuse
