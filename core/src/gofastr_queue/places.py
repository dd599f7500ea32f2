"""Where another interpreter finds a function: by importing it, never by unpickling it."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import frozen

from gofastr_queue.errors import InvalidOption
from gofastr_queue.limits import shown

SCRIPT = "__mp_main__"
"""What a script is called in a child, as in the children of multiprocessing."""

_loading: set[str] = set()


@frozen
class Place:
    """A function's module and name; ``script`` is the file of a module that was run."""

    module: str
    name: str
    script: str = ""


def place_of(type: str, function: Callable[..., Any]) -> Place:
    """Return where a handler stands; raises ``InvalidOption`` if nobody could import it."""
    name = getattr(function, "__qualname__", None)
    module = getattr(function, "__module__", None)
    if not inspect.isroutine(function) or inspect.ismethod(function) or not isinstance(name, str):
        raise _refused(type, f"{shown(function)} is no plain function")
    if "<lambda>" in name:
        raise _refused(type, "it is a lambda")
    if "<locals>" in name:
        raise _refused(type, f"{name} stands inside another function")
    if not isinstance(module, str):
        raise _refused(type, f"{name} is in no module")
    if module != "__main__":
        return Place(module, name)
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__":
        return Place(spec.name, name)
    file = getattr(main, "__file__", None)
    if file is None or not Path(file).is_file():
        raise _refused(type, f"{name} was typed in, or is in a program without a file")
    return Place(module, name, str(Path(file).absolute()))


def verify(type: str, function: Callable[..., Any]) -> None:
    """Raise ``InvalidOption`` unless a function's own module holds it by its own name."""
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not function:
        raise _refused(
            type, f"{function.__module__}.{function.__qualname__} is {shown(found)} instead"
        )


def load(place: Place) -> Callable[..., Any]:
    """Import a function; raises whatever its module does."""
    _loading.add(place.module)
    try:
        found: Any = _run(place.script) if place.script else importlib.import_module(place.module)
    finally:
        _loading.discard(place.module)
    for part in place.name.split("."):
        if not hasattr(found, part):
            raise ImportError(f"module {place.module!r} has no {place.name!r}")
        found = getattr(found, part)
    function: Callable[..., Any] = found
    return function


def refuse_while_loading() -> None:
    """Raise ``InvalidOption`` in a module that is only imported for a handler of its own."""
    if _loading:
        raise InvalidOption(
            f"module {min(_loading)!r} starts a worker while a process imports a handler from it; "
            "start it under: if __name__ == '__main__'"
        )


def _run(script: str) -> ModuleType:
    """Import a script once, under a name that leaves out what it does as the main program."""
    if SCRIPT in sys.modules:
        return sys.modules[SCRIPT]
    spec = importlib.util.spec_from_file_location(SCRIPT, script)
    if spec is None or spec.loader is None:
        raise ImportError(f"{script!r} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules["__main__"]
    sys.modules[SCRIPT] = sys.modules["__main__"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[SCRIPT]
        sys.modules["__main__"] = before
        raise
    return module


def _refused(type: str, why: str) -> InvalidOption:
    return InvalidOption(
        f"the handler of {type!r} cannot run in a process: {why}; a process imports its handler "
        "by name, so define it at the top of a module, or leave out process=True"
    )
