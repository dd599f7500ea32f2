"""Hooks resolved once, when a queue opens.

Where nothing wraps an operation, the call is the backend's own bound method; where something does,
it is the pluggy hook.  Everything that does not fit is an error here, by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, cast
from weakref import WeakKeyDictionary, ref

import pluggy
from attrs import frozen

from gofastr_queue import failpoints, signatures
from gofastr_queue.backends import Backend
from gofastr_queue.capabilities import ARGUMENTS_OF, HOOKS_OF, Capability
from gofastr_queue.errors import InvalidPlugin, UnsupportedOperation
from gofastr_queue.fitting import Function, fit, refusal, with_defaults
from gofastr_queue.hookspecs import PROJECT, Hooks, Observing


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
    plugins = tuple(plugins)
    shape = None if plugins else _shapes.get(type(backend))
    if shape is not None and shape.is_of(backend):
        return shape.calls(backend)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(signatures.specifications())
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
    for name in signatures.operations():
        owner = _owner(backend, getattr(manager.hook, name))
        if owner is not None:
            shortest = _shortest(getattr(manager.hook, name), owner)
            calls[name] = failpoints.around_hook(name, shortest)
        elif name in optional:
            calls[name] = refusal(backend.name, name)
        else:
            missing.append(name)
    if missing:
        raise InvalidPlugin(
            f"backend {backend.name!r} lacks required hooks: {', '.join(missing)}; "
            "a backend marks each with @hookimpl"
        )
    resolved = Calls(
        name=backend.name,
        hooks=cast(Hooks, SimpleNamespace(**calls)),
        capabilities=_capabilities(backend, manager),
        turns=_turns(manager),
        observers={name: _functions(manager, name) for name in signatures.names(Observing)},
        encoders=_functions(manager, "payload_out"),
        decoders=_functions(manager, "payload_in")[::-1],
    )
    if not plugins:
        _remember(backend, manager, resolved)
    return resolved


@frozen(eq=False)
class _Shape:
    """What was found of a class of backends without plugins: to find it takes milliseconds."""

    found: dict[str, Callable[[], object]]
    fits: dict[str, Callable[[Function], Function]]
    declared: frozenset[Capability]
    capabilities: frozenset[Capability]
    turns: bool

    def is_of(self, backend: Backend) -> bool:
        """Tell whether no known hook was changed since: not in the class, not in this backend."""
        kind = type(backend)
        return (
            all(getattr(kind, name, None) is one() for name, one in self.found.items())
            and self.found.keys().isdisjoint(_own(backend))
            and backend.capabilities == self.declared
        )

    def calls(self, backend: Backend) -> Calls:
        """Return the calls of a backend of the class."""
        calls = {
            name: failpoints.around_hook(name, self.fits[name](getattr(backend, name)))
            if name in self.fits
            else refusal(backend.name, name)
            for name in signatures.operations()
        }
        return Calls(
            name=backend.name,
            hooks=cast(Hooks, SimpleNamespace(**calls)),
            capabilities=self.capabilities,
            turns=self.turns,
            observers=dict.fromkeys(signatures.names(Observing), ()),
            encoders=(),
            decoders=(),
        )


_shapes: WeakKeyDictionary[type, _Shape] = WeakKeyDictionary()


def _remember(backend: Backend, manager: pluggy.PluginManager, resolved: Calls) -> None:
    """Keep a class's shape, if all there is are operations, each a method by its own name."""
    kind = type(backend)
    impls = {name: getattr(manager.hook, name).get_hookimpls() for name in signatures.everything()}
    functions = {name: found[0].function for name, found in impls.items() if found}
    methods = {name: getattr(kind, name, None) for name in impls}
    if (
        sum(len(found) for found in impls.values()) == len(functions)
        and functions.keys() <= set(signatures.operations())
        and not any(found[0].wrapper or found[0].hookwrapper for found in impls.values() if found)
        and methods.keys().isdisjoint(_own(backend))
        and all(
            getattr(functions.get(name), "__func__", None) is method
            for name, method in methods.items()
        )
    ):
        _shapes[kind] = _Shape(
            # a method may hold its class, which must not be kept by what is kept of it
            {name: _nothing if one is None else ref(one) for name, one in methods.items()},
            {name: fit(name, one) for name, one in functions.items()},
            frozenset(backend.capabilities),
            resolved.capabilities,
            resolved.turns,
        )


def _own(backend: Backend) -> Iterable[str]:
    """Return the names of what a backend has beside its class."""
    own: Iterable[str] = getattr(backend, "__dict__", ())
    return own


def _nothing() -> None:
    """Stand for a hook that a class lacks."""


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
    lacking = signatures.required(hook.name) - set(owner.argnames)
    if lacking:
        raise InvalidPlugin(
            f"{_describe(backend)}.{hook.name} lacks the required "
            f"argument {', '.join(sorted(lacking))} "
            "(without a default: pluggy does not pass those that have one)"
        )
    return owner


def _shortest(hook: pluggy.HookCaller, owner: pluggy.HookImpl) -> Function:
    """Return the backend's own method when nothing wraps it, otherwise the hook."""
    if len(hook.get_hookimpls()) > 1:
        return with_defaults(hook, signatures.defaults(hook.name))
    function: Function = owner.function
    return fit(hook.name, function)(function)


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
    return tuple(
        _taking(impl.function, impl.argnames, tuple(signatures.parameters(name))) for impl in impls
    )


def _taking(function: Function, taken: Iterable[str], given: tuple[str, ...]) -> Function:
    places = [given.index(name) for name in taken]
    if places == list(range(len(given))):
        return function

    def call(*arguments: object) -> Any:
        return function(*(arguments[place] for place in places))

    return call


def _describe(plugin: object) -> str:
    return type(plugin).__name__
