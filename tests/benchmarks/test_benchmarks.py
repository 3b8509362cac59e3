"""The benchmarks run, and fill every row of their tables. What they measure is not tested."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from tests.benchmarks.cases import (
    API,
    CACHEABLE,
    COMPARED,
    GROWING,
    NONE,
    SAME_OUTPUT,
    SERVER,
    VISITORS,
)
from tests.benchmarks.costs import BEGIN as COSTS_BEGIN
from tests.benchmarks.costs import END as COSTS_END
from tests.benchmarks.files import ROW, refreshed
from tests.benchmarks.load.events import missing_for_events
from tests.benchmarks.load.measuring import missing
from tests.benchmarks.report import (
    BEGIN,
    END,
    EVENTS_BEGIN,
    EVENTS_END,
    LOAD_BEGIN,
    LOAD_END,
    MOST_API_RATIO,
    MOST_EDIT_RATIO,
    MOST_GROWTH,
    MOST_RATIO,
    MOST_STATES_RATIO,
    SECTIONS,
    label,
)
from tests.benchmarks.tools import SIZES

pytestmark = pytest.mark.once

TOP = Path(__file__).resolve().parents[2]


def tables(document: str) -> dict[str, list[list[str]]]:
    """Return the rows of each heading's table, without its heads."""
    sections = re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", document, re.MULTILINE)
    return {
        heading: [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in text.splitlines()
            if line.startswith("|")
        ][2:]
        for heading, text in sections
    }


@pytest.mark.exhaustive
def test_quick_run_fills_every_row_and_leaves_the_text_around_them(tmp_path):
    output = tmp_path / "benchmarks.md"
    output.write_text(f"Before.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")

    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", "page", "--output", output],
        cwd=TOP,
        check=True,
    )

    document = output.read_text()
    assert document.startswith("Before.\n\n")
    assert document.endswith("\n\nAfter.\n")
    assert "old" not in document
    found = tables(document)
    visited = [[label(site), visitor] for site, visitor in product(COMPARED, VISITORS)]
    for heading in ("A page with 17 tools", "The same in an async stack", "Bytes of the page"):
        assert [row[:2] for row in found[heading]] == [["no consent app", ""], *visited]
        assert all(all(row[1:]) for row in found[heading][1:])
    assert [row[:2] for row in found["More tools"]] == [
        [label(sites[0]), visitor] for sites, visitor in product(GROWING, VISITORS)
    ]
    same_output = found["The same output from a hundred times as many tools"]
    assert len(same_output) == len(SAME_OUTPUT)
    assert [row[0] for row in found["The API"]] == list(API)
    assert [row[0] for row in found["Memory of the compiled policy"]] == [f"{n:,}" for n in SIZES]
    assert [row[0] for row in found["The first page of a process"]] == [
        label(site) for site in (NONE, SERVER, CACHEABLE)
    ]
    states = found["Eight states of consent in turn, and an edit"]
    assert [row[0] for row in states] == [f"{n:,}" for n in SIZES]
    assert all(map(all, states))
    assert len(re.findall(r"^- \*\*(?:Reached|Not reached)\*\*: ", document, re.MULTILINE)) == 34


@pytest.mark.skipif(bool(missing()), reason=f"not installed: {missing()}")
@pytest.mark.exhaustive
def test_quick_load_run_fills_its_table(tmp_path):
    output = tmp_path / "benchmarks.md"
    output.write_text(f"## Load\n\n{LOAD_BEGIN}\nold\n{LOAD_END}\n\nAfter.\n")

    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", "load", "--output", output],
        cwd=TOP,
        check=True,
    )

    document = output.read_text()
    assert "old" not in document
    assert document.endswith("\n\nAfter.\n")
    rows = tables(document)["Load"]
    assert [row[0] for row in rows] == ["one bare insert", "this app's decision"]
    assert all(rows[1])
    assert len(re.findall(r"^- \*\*(?:Reached|Not reached)\*\*: ", document, re.MULTILINE)) == 2


@pytest.mark.skipif(bool(missing_for_events()), reason=f"not installed: {missing_for_events()}")
@pytest.mark.exhaustive
def test_quick_run_of_events_fills_its_table(tmp_path):
    output = tmp_path / "benchmarks.md"
    output.write_text(f"## Events\n\n{EVENTS_BEGIN}\nold\n{EVENTS_END}\n\nAfter.\n")

    subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks"),
            *("--quick", "--only", "events", "--output", output),
        ],
        cwd=TOP,
        check=True,
    )

    document = output.read_text()
    assert "old" not in document
    assert document.endswith("\n\nAfter.\n")
    rows = tables(document)["Events"]
    assert [row[0] for row in rows] == ["a bare client's posts", "this app's events"]
    assert all(rows[1])
    assert len(re.findall(r"^- \*\*(?:Reached|Not reached)\*\*: ", document, re.MULTILINE)) == 1


def documented() -> str:
    return TOP.joinpath("docs", "benchmarks.md").read_text(encoding="utf-8")


def test_the_documented_tables_are_those_that_a_run_writes():
    """So that a new table, or another name of one, is not forgotten in the docs."""
    written = [heading for heading, _ in SECTIONS]

    figures = documented().split(BEGIN)[1].split(END)[0]
    assert re.findall(r"^## (.+)$", figures, re.MULTILINE) == written


def test_the_documented_files_and_their_sizes_are_those_of_now():
    document = documented()

    assert len(ROW.findall(document)) == 4
    assert refreshed(document) == document, (
        "docs/benchmarks.md names former files: run python -m tests.benchmarks --only files"
    )


def test_the_documented_targets_are_those_of_now():
    targets = re.findall(r"at most (\d+\.\d+)\.$", documented().split(END)[0], re.MULTILINE)

    assert {float(target) for target in targets} == {
        MOST_RATIO,
        MOST_GROWTH,
        MOST_API_RATIO,
        MOST_STATES_RATIO,
        MOST_EDIT_RATIO,
    }


def test_quick_run_of_the_worst_requests_fills_its_table(tmp_path):
    output = tmp_path / "benchmarks.md"
    output.write_text(f"## Costs\n\n{COSTS_BEGIN}\nold\n{COSTS_END}\n\nAfter.\n")

    subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.benchmarks",
            "--quick",
            "--only",
            "costs",
            "--output",
            output,
        ],
        cwd=TOP,
        check=True,
    )

    document = output.read_text()
    assert "old" not in document
    assert document.endswith("\n\nAfter.\n")
    rows = tables(document)["Costs"]
    assert len(rows) == 12
    assert all(map(all, rows))
