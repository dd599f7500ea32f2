"""Run the tests against every mutant and print which test noticed.

python -m tests.mutants [--only TEXT] [--jobs 2]
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
SOURCES = [
    "core/src",
    "plugins/memory/src",
    "plugins/sql/src",
    "plugins/redis/src",
    "tests/conformance/src",
]
TESTS = [
    "core/tests",
    "plugins/memory/tests",
    "plugins/sql/tests",
    "plugins/redis/tests",
    "tests/agreement",
    "tests/faults",
    "tests/servers",
]
NOTHING_RAN = (4, 5)
"""Codes with which pytest says that it knows no such file, or no such test."""

COPIED = [*SOURCES, *TESTS, "tests/stores.py", "pyproject.toml"]


def copy(folder: Path) -> None:
    """Copy what the tests need."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def noticed_by(mutant: Mutant) -> str:
    """Return the first test that fails with the mutant, or nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy(folder)
        broken = folder / mutant.file
        text = broken.read_text("utf-8")
        broken.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(str(folder / source) for source in SOURCES)
        }
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "--timeout=60"]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *shlex.split(mutant.tests)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode in NOTHING_RAN:
        raise RuntimeError(f"{mutant.tests}: {done.stdout}{done.stderr}")
    failed = re.search(
        r"^(?:FAILED|ERROR) \S*?([\w:]+(?:\[.*?\])?)(?: - |$)", done.stdout, re.MULTILINE
    )
    if failed:
        return failed[1]
    return "" if done.returncode == 0 else f"the run ended with code {done.returncode}"


def main() -> int:
    """Run and print; 1 if a mutant survived."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="mutants whose description holds this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.breaks]
    begin = time.monotonic()
    caught = 0
    with ThreadPoolExecutor(options.jobs) as threads:
        for mutant, test in zip(chosen, threads.map(noticed_by, chosen), strict=True):
            caught += bool(test)
            print(f"{mutant.promise:>2}  {mutant.breaks}\n    {test or 'SURVIVED'}", flush=True)
    print(f"mutants caught {caught}/{len(chosen)} in {time.monotonic() - begin:.0f} s")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
