"""Hooks resolved once, when a queue opens.

Where nothing wraps an operation, the call is the backend's own bound method; where something does,
it is the pluggy hook.  Everything that does not fit is an error here, by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pluggy
from attrs import frozen

from gofastr_queue import failpoints, hookspecs
from gofastr_queue.backends import Backend
from gofastr_queue.capabilities import ARGUMENTS_OF, HOOKS_OF, Capability
from gofastr_queue.errors import InvalidPlugin, UnsupportedOperation
from gofastr_queue.hookspecs import PROJECT, Encoding, Hooks, Observing

Function = Callable[..., Any]


@frozen(eq=False)
class Calls:
    """What a queue calls: its backend's operations, its plugins' observers and codecs.

    ``turns`` says whether to use ``queue_turn``: not where a plugin wraps one of the calls that a
    turn replaces, but not the turn itself, and so would miss what it asked to see.
    """

    name: str
    hooks: Hooks
    capabilities: frozenset[Capability]
    turns: bool
    observers: dict[str, tuple[Function, ...]]
    encoders: tuple[Function, ...]
    decoders: tuple[Function, ...]

    def require(self, operation: str, capability: Capability) -> None:
        """Raise ``UnsupportedOperation`` unless the backend has the capability."""
        if capability not in self.capabilities:
            raise UnsupportedOperation(self.name, operation, capability)


def resolve(backend: Backend, plugins: Iterable[object] = ()) -> Calls:
    """Register a backend and plugins and resolve every hook.

    Raises ``InvalidPlugin`` for a missing required hook or argument, an unknown hook, and an
    operation with two owners.
    """
    lacking = [
        name for name in ("name", "capabilities", "default_lease") if not hasattr(backend, name)
    ]
    if lacking:
        raise InvalidPlugin(
            f"{_describe(backend)} is no backend: it lacks {', '.join(lacking)}; "
            "to open a URL, use Queue.open"
        )
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(_specifications())
    _register(manager, backend, _describe(backend))
    for plugin in plugins:
        _register(manager, plugin, None)
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise InvalidPlugin(str(error)) from None

    optional = {hook for hooks in HOOKS_OF.values() for hook in hooks}
    calls: dict[str, Function] = {}
    missing: list[str] = []
    for name in _operations():
        owner = _owner(backend, getattr(manager.hook, name))
        if owner is not None:
            shortest = _shortest(getattr(manager.hook, name), owner)
            calls[name] = failpoints.around_hook(name, shortest)
        elif name in optional:
            calls[name] = _refusal(backend.name, name)
        else:
            missing.append(name)
    if missing:
        raise InvalidPlugin(
            f"backend {backend.name!r} lacks required hooks: {', '.join(missing)}; "
            "a backend marks each with @hookimpl"
        )
    return Calls(
        name=backend.name,
        hooks=cast(Hooks, SimpleNamespace(**calls)),
        capabilities=_capabilities(backend, manager),
        turns=_turns(manager),
        observers={name: _functions(manager, name) for name in _names(Observing)},
        encoders=_functions(manager, "payload_out"),
        decoders=_functions(manager, "payload_in")[::-1],
    )


def _register(manager: pluggy.PluginManager, plugin: object, name: str | None) -> None:
    if inspect.isclass(plugin):
        raise InvalidPlugin(f"plugin {plugin.__name__} is a class; give an instance")
    try:
        manager.register(plugin, name=name)
    except (pluggy.PluginValidationError, ValueError) as error:
        raise InvalidPlugin(
            f"{_describe(plugin)} does not fit the hooks: {error}. "
            "Plugins built with attrs need @define(eq=False)"
        ) from None


def _owner(backend: Backend, hook: pluggy.HookCaller) -> pluggy.HookImpl | None:
    owners = [impl for impl in hook.get_hookimpls() if not (impl.wrapper or impl.hookwrapper)]
    strangers = [impl for impl in owners if impl.plugin is not backend]
    if strangers:
        names = ", ".join(_describe(impl.plugin) for impl in strangers)
        raise InvalidPlugin(
            f"{hook.name} is owned by the backend, but {names} implements it too; "
            "a plugin may only wrap it: @hookimpl(wrapper=True)"
        )
    if not owners:
        return None
    (owner,) = owners
    lacking = _required(hook.name) - set(owner.argnames)
    if lacking:
        raise InvalidPlugin(
            f"{_describe(backend)}.{hook.name} lacks the required "
            f"argument {', '.join(sorted(lacking))} "
            "(without a default: pluggy does not pass those that have one)"
        )
    return owner


def _shortest(hook: pluggy.HookCaller, owner: pluggy.HookImpl) -> Function:
    """Return the backend's own method when nothing wraps it, otherwise the hook."""
    defaults = {
        name: parameter.default
        for name, parameter in _parameters(hook.name).items()
        if parameter.default is not parameter.empty
    }
    if len(hook.get_hookimpls()) > 1:
        return _with_defaults(hook, defaults)
    function: Function = owner.function
    if not defaults:
        return function
    given = inspect.signature(function).parameters
    left_out = frozenset(defaults.keys() - given.keys())
    if left_out:
        return _without(function, left_out)
    needed = {name for name in defaults if given[name].default is given[name].empty}
    return _with_defaults(function, {name: defaults[name] for name in needed})


def _without(function: Function, left_out: frozenset[str]) -> Function:
    """Leave out the arguments that a backend does not take, as pluggy would."""

    def call(**arguments: object) -> Any:
        return function(**{name: one for name, one in arguments.items() if name not in left_out})

    return call


def _with_defaults(function: Function, defaults: dict[str, Any]) -> Function:
    """Fill in what the specification's defaults say; pluggy itself passes only what it is given."""
    if not defaults:
        return function

    def call(**arguments: object) -> Any:
        return function(**(defaults | arguments))

    return call


def _refusal(backend: str, name: str) -> Function:
    capability = next(cap for cap, hooks in HOOKS_OF.items() if name in hooks)

    def refuse(**_: object) -> NoReturn:
        raise UnsupportedOperation(
            backend, name.removeprefix("queue_").replace("_", " "), capability
        )

    return refuse


def _capabilities(backend: Backend, manager: pluggy.PluginManager) -> frozenset[Capability]:
    """Derive what is a hook, take what is declared, and refuse what contradicts."""
    derived = {
        capability
        for capability, hooks in HOOKS_OF.items()
        if all(_owner(backend, getattr(manager.hook, hook)) for hook in hooks)
    }
    declared = set(backend.capabilities)
    wrong = declared & (HOOKS_OF.keys() - derived)
    if wrong:
        raise InvalidPlugin(
            f"backend {backend.name!r} declares {', '.join(sorted(wrong))} without its hooks"
        )
    for capability, (hook, argument) in ARGUMENTS_OF.items():
        owner = _owner(backend, getattr(manager.hook, hook))
        if capability in declared and owner is not None and argument not in owner.argnames:
            raise InvalidPlugin(
                f"backend {backend.name!r} declares {capability}, "
                f"but its {hook} takes no {argument!r} (without a default)"
            )
    return frozenset(derived | declared)


def _turns(manager: pluggy.PluginManager) -> bool:
    turn = manager.hook.queue_turn.get_hookimpls()
    seen = {id(impl.plugin) for impl in turn}
    replaced = ("queue_ack", "queue_nack", "queue_claim")
    return bool(turn) and all(
        id(impl.plugin) in seen
        for name in replaced
        for impl in getattr(manager.hook, name).get_hookimpls()
    )


def _functions(manager: pluggy.PluginManager, name: str) -> tuple[Function, ...]:
    """Return each plugin's own function, in order of registration, fed only what it takes."""
    impls = getattr(manager.hook, name).get_hookimpls()
    for impl in impls:
        if impl.wrapper or impl.hookwrapper:
            raise InvalidPlugin(
                f"{_describe(impl.plugin)} wraps {name}, which core calls on each plugin "
                "by itself; implement it without wrapper=True"
            )
    return tuple(_taking(impl.function, impl.argnames, tuple(_parameters(name))) for impl in impls)


def _taking(function: Function, taken: Iterable[str], given: tuple[str, ...]) -> Function:
    places = [given.index(name) for name in taken]
    if places == list(range(len(given))):
        return function

    def call(*arguments: object) -> Any:
        return function(*(arguments[place] for place in places))

    return call


def _operations() -> Iterator[str]:
    return (name for name in _names(Hooks) if name.startswith(("queue_", "schedule_")))


def _names(topic: type) -> list[str]:
    return [
        name
        for base in reversed(topic.__mro__)
        if base.__module__ == hookspecs.__name__
        for name in vars(base)
        if not name.startswith("_")
    ]


@cache
def _specifications() -> type:
    """Return every hook's specification in one flat class, which pluggy reads in half the time."""
    topics = (Hooks, Encoding, Observing)
    return type(
        "Specifications",
        (),
        {name: getattr(topic, name) for topic in topics for name in _names(topic)},
    )


@cache
def _parameters(name: str) -> Mapping[str, inspect.Parameter]:
    """Return a hook's parameters, as its specification has them."""
    parameters = dict(inspect.signature(getattr(_specifications(), name)).parameters)
    parameters.pop("self")
    return parameters


def _required(name: str) -> set[str]:
    return {
        key for key, parameter in _parameters(name).items() if parameter.default is parameter.empty
    }


def _describe(plugin: object) -> str:
    return type(plugin).__name__
