"""No module of any distribution can turn what it reads into code, or builds a shell's command."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SOURCES = sorted(
    path
    for pattern in ("core/src", "plugins/*/src", "tests/conformance/src", "examples/*/src")
    for folder in ROOT.glob(pattern)
    for path in folder.rglob("*.py")
)

MODULES = {
    *("pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"),
    *("yaml", "copyreg", "code", "codeop", "runpy", "imp", "dbm", "multiprocessing"),
}
"""Modules that make code or objects from bytes."""

NAMES = {"eval", "exec", "compile", "__import__"}

LOADERS = {"import_module", "exec_module", "spec_from_file_location", "load_module", "loads_object"}

LOADING = {
    "core/src/gofastr_queue/cli/app.py": "the modules of its own commands, by a table in it",
    "core/src/gofastr_queue/cli/working.py": "the module that the operator names: work app:queue",
    "core/src/gofastr_queue/places.py": "the module of a handler that was registered",
}
"""Who imports by name, and whose name it is: never one from a store."""

STARTING = {
    "core/src/gofastr_queue/worker/children.py",
    "core/src/gofastr_queue/cli/supervisor.py",
    "tests/conformance/src/gofastr_queue_conformance/processes.py",
    "tests/conformance/src/gofastr_queue_conformance/scheduling_processes.py",
}
"""Who starts processes: each this interpreter, with a list of words."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def imported(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def called(nodes: list[ast.AST]) -> Iterator[tuple[str, ast.Call]]:
    for node in nodes:
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, node


def test_every_distribution_is_read() -> None:
    assert {name_of(path).split("/src/")[0] for path in SOURCES} == {
        *("core", "plugins/memory", "plugins/sql", "plugins/redis"),
        *("tests/conformance", "examples/gofastr-queue-files"),
    }


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_that_is_read_can_become_code(path: Path) -> None:
    nodes = tree(path)
    names = {node.id for node in nodes if isinstance(node, ast.Name)}

    assert set(imported(nodes)) & MODULES == set()
    assert names & NAMES == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_modules_are_imported_by_name_only_where_the_name_is_the_operators(path: Path) -> None:
    loaders = {name for name, _ in called(tree(path))} & LOADERS

    assert bool(loaders) is (name_of(path) in LOADING)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_processes_are_started_in_known_places_and_never_by_a_shell(path: Path) -> None:
    nodes = tree(path)
    shells = [
        keyword for _, call in called(nodes) for keyword in call.keywords if keyword.arg == "shell"
    ]
    system = {name for name, _ in called(nodes)} & {"system", "popen", "spawnv", "execv", "execvp"}

    assert shells == []
    assert system == set()
    assert ("subprocess" in set(imported(nodes))) is (name_of(path) in STARTING)


def test_tokens_come_from_the_systems_own_source() -> None:
    nodes = tree(ROOT / "core/src/gofastr_queue/records.py")

    assert "random" not in set(imported(nodes))
    assert "urandom" in {name for name, _ in called(nodes)}
