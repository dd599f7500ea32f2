"""What the conformance kit has proven of an installed backend, as its distribution says.

A distribution ships its certificates in its package, ``certificates/SCHEME.json``; schemes that one
factory serves share it.
"""

from __future__ import annotations

import importlib.util
import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from gofastr_queue.backends import installed

FOLDER = "certificates"


def shipped(point: EntryPoint) -> dict[str, Any] | None:
    """Return the certificate of the backend behind an entry point; nothing is imported."""
    package = importlib.util.find_spec(point.module.partition(".")[0])
    names = [one.name for ones in installed().values() for one in ones if one.value == point.value]
    for place in (package.submodule_search_locations or ()) if package else ():
        for name in (point.name, *names):
            file = Path(place) / FOLDER / f"{name}.json"
            if file.is_file():
                return _read(file)
    return None


def summary(certificate: dict[str, Any] | None, version: str) -> str:
    """Say in a line what a certificate is worth for an installed version."""
    if certificate is None:
        return "uncertified"
    if not certificate.get("certified"):
        return "refuted"
    of = certificate["backend"]["version"]
    said = f"certified: {certificate['passed']} cases, suite {certificate['suite']}"
    return said if of == version else f"{said}, for version {of}"


def _read(file: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(file.read_text("utf-8"))
        known: dict[str, Any] = {"passed": 0, "suite": 0, "backend": {"version": ""}} | read
    except (OSError, ValueError, TypeError):
        return None
    return known
