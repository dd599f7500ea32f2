"""The kit itself: every case counts, none hides another, nothing is skipped."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections import Counter
from pathlib import Path
from pkgutil import iter_modules

import gofastr_queue_conformance as kit
from gofastr_queue_conformance import Contract, Suite

FOLDER = Path(next(iter(kit.__path__)))


def contracts() -> list[type[Contract]]:
    modules = [
        importlib.import_module(f"{kit.__name__}.{one.name}") for one in iter_modules([FOLDER])
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Contract)
        and value.__module__ == module.__name__
    ]


def cases(contract: type[Contract]) -> list[str]:
    return [name for name in vars(contract) if name.startswith("test_")]


def test_the_suite_has_every_contract() -> None:
    assert set(contracts()) <= set(Suite.__mro__)


def test_every_exported_contract_is_in_the_suite() -> None:
    exported = [getattr(kit, name) for name in kit.__all__ if name.endswith("Contract")]

    assert all(issubclass(Suite, contract) for contract in exported)
    assert {one for one in contracts() if cases(one)} <= {
        base for contract in exported for base in contract.__mro__
    }


def test_no_case_hides_another_of_the_same_name() -> None:
    names = Counter(name for contract in contracts() for name in cases(contract))

    assert [name for name, count in names.items() if count > 1] == []


def test_every_contract_says_what_it_is_about() -> None:
    assert [one.__name__ for one in contracts() if not one.__doc__] == []


def test_no_case_is_skipped_or_expected_to_fail() -> None:
    words = {"skip", "skipif", "xfail", "importorskip"}
    used = {
        (path.name, node.attr)
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in words
    }

    assert used == set()


def test_the_kit_names_no_backend() -> None:
    texts = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.py")}
    named = [
        (file, word)
        for file, text in texts.items()
        for word in ("gofastr_queue_memory", "gofastr_queue_sql", "gofastr_queue_redis")
        if word in text
    ]

    assert named == []
