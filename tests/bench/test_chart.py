"""The page on speed shows what a run has measured, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from bench import chart, publish
from bench.report import Row, save

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def sample(who: str, jobs: int, seconds: float) -> dict[str, object]:
    return {"work": "C drain", "who": who, "jobs": jobs, "seconds": seconds, "millis": []}


def row(who: str, *seconds: float) -> Row:
    about = {"name": f"<{who}>", "version": "1", "durability": "fsync on"}
    samples = [sample(who, 1_000, each) for each in seconds]
    return Row("contest", "a & b", who, "", numbers={"about": about, "samples": samples})


def saved(folder: Path, *rows: Row) -> dict[str, chart.Arena]:
    file = folder / "results.json"
    save(file, 7, "Sizes()", {}, rows)
    return publish.arenas(json.loads(file.read_text("utf-8")))


def test_the_drawing_of_the_results_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.chart", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_a_bar_is_as_long_as_its_median(tmp_path: Path) -> None:
    arenas = saved(tmp_path, row("ours", 0.1, 0.2, 0.05), row("raw", 1.0))

    drawn = ET.fromstring(chart.svg(arenas))  # noqa: S314 - drawn here

    bars = [float(each.attrib["width"]) for each in drawn.findall(f"{SVG}rect")][1:]
    decade = (chart.WIDTH - chart.LEFT - chart.RIGHT) / (len(chart.DECADES) - 1)
    assert bars == [round(3 * decade, 1), round(2 * decade, 1)]
    texts = [each.text for each in drawn.iter(f"{SVG}text")]
    assert [text for text in texts if text in {"10,000", "1,000"}].count("10,000") == 2
    assert {"a & b", "<ours>", "<raw>"} <= set(texts)


def test_of_two_runs_of_a_store_the_newer_is_kept(tmp_path: Path) -> None:
    before = saved(tmp_path, row("ours", 1.0))
    after = saved(tmp_path, row("ours", 0.5))

    kept = before | after

    assert "2,000" in chart.svg(kept)
    assert "| measured | ours |" in chart.tables(kept)


def test_what_was_missed_stands_first_and_bold(tmp_path: Path) -> None:
    missed = Row("contest", "a & b", "C drain, ours ÷ raw", "0.10", "≥ 0.5", within=False)

    page = chart.tables(saved(tmp_path, row("ours", 1.0), missed))

    lines = [line for line in page.splitlines() if line.startswith("|")][2:]
    assert lines[0] == "| **MISSED** | C drain, ours ÷ raw | ≥ 0.5 | 0.10 |"
