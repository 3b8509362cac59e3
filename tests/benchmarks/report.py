"""The figures as Markdown."""

from __future__ import annotations

import gzip
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

from tests.benchmarks.cases import (
    API,
    CACHEABLE,
    COMPARED,
    GROWING,
    HANDWRITTEN,
    LARGE,
    LARGE_SERVER,
    MODES,
    NONE,
    SAME_OUTPUT,
    SERVER,
    SMALL,
    VISITORS,
    Case,
    Site,
)
from tests.benchmarks.load.events import SENDERS, Sending
from tests.benchmarks.load.measuring import LoadFigures
from tests.benchmarks.load.settings import BARE, OURS
from tests.benchmarks.load.throughput import CONNECTIONS
from tests.benchmarks.load.websites import WORKERS
from tests.benchmarks.measuring import Figures
from tests.benchmarks.tools import SIZES

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
LOAD_BEGIN, LOAD_END = "<!-- load: begin -->", "<!-- load: end -->"
EVENTS_BEGIN, EVENTS_END = "<!-- events: begin -->", "<!-- events: end -->"

PACKAGES = ("Django", "djangorestframework", "django-cookie-consent")
LABELS = {
    "none": "no consent app",
    "handwritten": "by hand",
    "cookie_consent": "django-cookie-consent",
    "consent_tools": "this app",
}
MOST_RATIO, MOST_API_RATIO, MOST_MEMORY = 1.06, 1.3, 3_000_000
MOST_GROWTH = 1.1
MOST_FIRST_RATIO, MOST_FIRST_MILLISECONDS, MOST_ADDED_MEMORY = 1.3, 60, 8_000_000
MOST_STATES_RATIO, MOST_EDIT_RATIO = 1.3, 3
LEAST_LOAD_RATIO = 0.6
LEAST_EVENTS_RATIO = 0.5
_DIALOGS = re.compile(r"<dialog.*</dialog>", re.DOTALL)

Row = Sequence[object]


def write(figures: Figures, output: Path) -> None:
    """Put the tables between the marks in ``output``; see `_put`."""
    _put(report(figures), (BEGIN, END), output)


def write_load(figures: LoadFigures, output: Path) -> None:
    """Put the load run's table between its marks in ``output``; see `_put`."""
    _put(load_report(figures), (LOAD_BEGIN, LOAD_END), output)


def write_events(figures: Sending, output: Path) -> None:
    """Put the table of sent events between its marks in ``output``; see `_put`."""
    _put(events_report(figures), (EVENTS_BEGIN, EVENTS_END), output)


def _put(parts: Iterable[str], marks: tuple[str, str], output: Path) -> None:
    """Replace what is between ``marks``; in a new file, put it there with them.

    Raises ValueError where a file is there and has no marks.
    """
    begin, end = marks
    if not output.exists():
        places = [BEGIN, END, LOAD_BEGIN, LOAD_END, EVENTS_BEGIN, EVENTS_END, ""]
        output.write_text("\n\n".join(places), encoding="utf-8")
    text = output.read_text(encoding="utf-8")
    if begin not in text or end not in text:
        raise ValueError(f"{output} has no place for the figures: {begin} … {end}")
    before, after = text.split(begin)[0], text.split(end)[1]
    output.write_text("\n\n".join([before + begin, *parts, end + after]), encoding="utf-8")


def load_report(figures: LoadFigures) -> Iterator[str]:
    """Return the paragraphs and the table of the load run."""
    ratio, rounds = figures.throughput.ratio, len(figures.throughput.rounds)
    outage = figures.outage
    yield (
        f"{_machine()}, {figures.database}, {_version('gunicorn')} with {WORKERS} workers, "
        f"wrk with {CONNECTIONS} connections. Medians of {rounds} rounds."
    )
    rows = []
    for label_, website in (("one bare insert", BARE), ("this app's decision", OURS)):
        run = figures.throughput.medians(website)
        rows.append([label_, f"{run.rate:.0f}", f"{run.p50:.1f}", f"{run.p99:.1f}"])
    rows[0].append("")
    rows[1].append(f"{ratio:.2f}")
    yield table(["request", "per second", "median, ms", "99th percentile, ms", "ratio"], rows)
    reached = _verdict(
        ratio >= LEAST_LOAD_RATIO,
        f"{ratio:.2f} times as many decisions a second as bare inserts; "
        f"at least {LEAST_LOAD_RATIO:.2f}.",
    )
    exact = _verdict(
        outage.is_exact,
        f"with the database stopped and started in the middle, {outage.grants:,} grants and "
        f"{outage.refusals:,} refusals were acknowledged, and {outage.stored:,} of these decisions "
        f"are stored, each once; {outage.others:,} others. While it was down, {outage.waiting:,} "
        f"refusals were answered that were stored later, and {outage.resent:,} requests had to be "
        "sent again.",
    )
    yield f"- {reached}\n- {exact}"


def events_report(figures: Sending) -> Iterator[str]:
    """Return the paragraphs and the table of the events that were sent."""
    yield (
        f"{_machine()}, {figures.database}, {_version('httpcore')}; {SENDERS} processes, "
        f"{figures.events:,} events a run. Medians of {len(figures.rounds)} rounds."
    )
    rows = []
    for label_, website in (("a bare client's posts", BARE), ("this app's events", OURS)):
        run = figures.medians(website)
        rows.append([label_, f"{run.rate:.0f}", f"{run.busy:.0%}"])
    rows[0].append("")
    rows[1].append(f"{figures.ratio:.2f}")
    yield table(["sent", "per second", "receiver's share of a core", "ratio"], rows)
    reached = _verdict(
        figures.ratio >= LEAST_EVENTS_RATIO,
        f"{figures.ratio:.2f} times as many events a second as a bare client posts; "
        f"at least {LEAST_EVENTS_RATIO:.2f}.",
    )
    yield f"- {reached}"


def report(figures: Figures) -> Iterator[str]:
    """Return the paragraphs, headings and tables."""
    yield (f"{_machine()}. Medians of {figures.rounds} rounds; µs is a microsecond a request.")
    for heading, content in SECTIONS:
        yield f"## {heading}"
        yield content(figures)


def label(site: Site) -> str:
    """Return what ``site`` is called in a table."""
    return LABELS[site.solution] + (f", `{site.delivery}`" if site.delivery else "")


def _machine() -> str:
    versions = [f"Python {platform.python_version()}", *map(_version, PACKAGES)]
    return f"{_processor()}, {os.cpu_count()} cores; {', '.join(versions)}"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _targets(figures: Figures) -> str:
    checks = (
        _time_added,
        _less_than_by_hand,
        _cacheable_at_most_server,
        _same_time_with_many_tools,
        _api_times,
        _small_policy,
        _no_query,
        _quick_first_page,
        _small_process,
        _same_time_for_states,
        _same_time_after_edit,
    )
    return "\n".join(f"- {line}" for check in checks for line in check(figures))


def _verdict(reached: bool, text: str) -> str:
    return f"**{'Reached' if reached else 'Not reached'}**: {text}"


def _time_added(figures: Figures) -> Iterator[str]:
    for mode, site, visitor in product(MODES, (SERVER, CACHEABLE), VISITORS):
        base, case = Case(NONE, mode=mode), Case(site, visitor=visitor, mode=mode)
        ratio, added = figures.ratio(case, base), figures.added(case, base)
        yield _verdict(
            ratio <= MOST_RATIO,
            f"{_name(case)} takes {ratio:.3f} times as long as no consent app "
            f"({added:+.0f} µs on {figures.time(base):.0f} µs); at most {MOST_RATIO:.2f}.",
        )


def _less_than_by_hand(figures: Figures) -> Iterator[str]:
    for site, visitor in product((SERVER, CACHEABLE), VISITORS):
        case, by_hand = Case(site, visitor=visitor), Case(HANDWRITTEN, visitor=visitor)
        ours, theirs = figures.added(case, Case(NONE)), figures.added(by_hand, Case(NONE))
        yield _verdict(
            ours < theirs,
            f"{_name(case)} adds {ours:.0f} µs; less than by hand, {theirs:.0f} µs.",
        )


def _name(case: Case) -> str:
    return f"`{case.site.delivery}` delivery, {case.visitor}, {case.mode},"


def _cacheable_at_most_server(figures: Figures) -> Iterator[str]:
    for visitor in VISITORS:
        more = figures.added(Case(CACHEABLE, visitor=visitor), Case(SERVER, visitor=visitor))
        yield _verdict(
            more <= 0, f"`cacheable` delivery, {visitor}, takes {more:+.0f} µs beside `server`."
        )


def _same_time_with_many_tools(figures: Figures) -> Iterator[str]:
    for small, large in SAME_OUTPUT:
        ratio = figures.ratio(large, small)
        what = "the parts of equal output" if small.page == "parts" else "a page of equal length"
        yield _verdict(
            ratio <= MOST_GROWTH,
            f"{what}, {small.visitor}: at {LARGE:,} tools {ratio:.3f} times the time "
            f"at {SMALL}; at most {MOST_GROWTH:.2f}.",
        )


def _api_times(figures: Figures) -> Iterator[str]:
    ratio = figures.ratio(*API["PUT preferences"])
    yield _verdict(
        ratio <= MOST_API_RATIO,
        f"PUT preferences takes {ratio:.2f} times as long as a bare view; "
        f"at most {MOST_API_RATIO:.2f}.",
    )


def _small_policy(figures: Figures) -> Iterator[str]:
    memory = figures.memory[LARGE_SERVER]["built"]
    yield _verdict(
        memory < MOST_MEMORY,
        f"the compiled policy of {LARGE:,} tools takes {_megabytes(memory)}; "
        f"less than {_megabytes(MOST_MEMORY)}.",
    )


def _no_query(figures: Figures) -> Iterator[str]:
    most = max(figures.queries[site, v] for site, v in product((SERVER, CACHEABLE), VISITORS))
    yield _verdict(most == 0, f"a warm page costs {most} queries.")


def _quick_first_page(figures: Figures) -> Iterator[str]:
    base = figures.first_pages[NONE].milliseconds
    most = MOST_FIRST_RATIO * base + MOST_FIRST_MILLISECONDS
    for site in (SERVER, CACHEABLE):
        took = figures.first_pages[site].milliseconds
        yield _verdict(
            took <= most,
            f"`{site.delivery}` delivery: the first page of a process takes {took:.0f} ms of CPU "
            f"time, without the app {base:.0f} ms; at most {most:.0f} ms.",
        )


def _small_process(figures: Figures) -> Iterator[str]:
    for site in (SERVER, CACHEABLE):
        added = figures.first_pages[site].bytes - figures.first_pages[NONE].bytes
        yield _verdict(
            added <= MOST_ADDED_MEMORY,
            f"`{site.delivery}` delivery: after its first pages a process has {_megabytes(added)} "
            f"more than without the app; at most {_megabytes(MOST_ADDED_MEMORY)}.",
        )


def _same_time_for_states(figures: Figures) -> Iterator[str]:
    ratio = figures.states[LARGE_SERVER] / figures.states[SERVER]
    yield _verdict(
        ratio <= MOST_STATES_RATIO,
        f"eight states of consent in turn: at {LARGE:,} tools {ratio:.2f} times the time at "
        f"{SMALL}; at most {MOST_STATES_RATIO:.2f}.",
    )


def _same_time_after_edit(figures: Figures) -> Iterator[str]:
    ratio = figures.edits[LARGE_SERVER] / figures.edits[SERVER]
    yield _verdict(
        ratio <= MOST_EDIT_RATIO,
        f"the slowest request of 16 threads after an edit: at {LARGE:,} tools {ratio:.2f} times "
        f"the time at {SMALL}; at most {MOST_EDIT_RATIO:.2f}.",
    )


def _first_pages(figures: Figures) -> str:
    base = figures.first_pages[NONE]
    rows = [
        [
            label(site),
            f"{first.milliseconds:.0f}",
            f"{first.milliseconds - base.milliseconds:.0f}",
            _megabytes(first.bytes),
            _megabytes(first.bytes - base.bytes),
        ]
        for site, first in figures.first_pages.items()
    ]
    return table(["solution", "CPU time, ms", "added", "memory after it", "added"], rows)


def _states(figures: Figures) -> str:
    rows = [
        [f"{site.tools:,}", f"{took:.0f}", f"{figures.edits[site]:.0f}"]
        for site, took in figures.states.items()
    ]
    heads = ["tools", "eight states in turn, µs a request", "slowest request after an edit, ms"]
    return table(heads, rows)


def _pages(figures: Figures, mode: str = MODES[0]) -> str:
    base = Case(NONE, mode=mode)

    def row(site: Site, visitor: str) -> Row:
        case = Case(site, visitor=visitor, mode=mode)
        return [*_added(figures, case, base), figures.queries[site, visitor]]

    queries = figures.queries[NONE, VISITORS[0]]
    rows: list[Row] = [[label(NONE), "", f"{figures.time(base):.0f}", "", "", queries]]
    rows += [[label(site), v, *row(site, v)] for site, v in product(COMPARED, VISITORS)]
    return table(["solution", "visitor", "µs", "added", "ratio", "queries"], rows)


def _async_pages(figures: Figures) -> str:
    return _pages(figures, MODES[1])


def _sizes(figures: Figures) -> str:
    rows = [
        [
            label(sites[0]),
            visitor,
            *(f"{figures.added(Case(site, visitor=visitor), Case(NONE)):.0f}" for site in sites),
        ]
        for sites, visitor in product(GROWING, VISITORS)
    ]
    note = (
        "µs added to the page without a consent app, which has no tools. Here the dialog lists "
        "every tool, and whoever accepts all gets the code of all of them."
    )
    heads = ["solution", "visitor", *(f"{size:,} tools" for size in SIZES)]
    return f"{note}\n\n{table(heads, rows)}"


def _same_output(figures: Figures) -> str:
    names = {"parts": "the tools' code, without the dialog", "padded": "the whole page, padded"}
    rows = [
        [
            names[small.page],
            small.visitor,
            f"{figures.time(small):.0f}",
            f"{figures.time(large):.0f}",
            f"{figures.ratio(large, small):.3f}",
        ]
        for small, large in SAME_OUTPUT
    ]
    return table(["page", "visitor", f"{SMALL} tools, µs", f"{LARGE:,} tools, µs", "ratio"], rows)


def _api(figures: Figures) -> str:
    rows = [
        [
            name,
            f"{figures.time(bare):.0f}",
            f"{figures.time(ours):.0f}",
            f"{figures.added(ours, bare):.0f}",
            f"{figures.ratio(ours, bare):.2f}",
        ]
        for name, (ours, bare) in API.items()
    ]
    return table(["request", "bare view, µs", "this app, µs", "added", "ratio"], rows)


def _bytes(figures: Figures) -> str:
    base = figures.bodies[NONE, VISITORS[0]]
    rows: list[Row] = [[label(NONE), "", *_sizes_of(base), "", ""]]
    for site, visitor in product(COMPARED, VISITORS):
        body = figures.bodies[site, visitor]
        more = (a - b for a, b in zip(_lengths(body), _lengths(base), strict=True))
        rows.append([label(site), visitor, *_sizes_of(body), *(f"{each:,}" for each in more)])
    heads = ["solution", "visitor", "bytes", "gzipped", "bytes added", "gzipped, added"]
    return table(heads, rows)


def _files(figures: Figures) -> str:
    rows: list[Row] = [
        [label(site), f"`{name}`", *_sizes_of(text)]
        for site, files in figures.files.items()
        for name, text in files.items()
    ]
    for site, tools in ((SERVER, SMALL), (LARGE_SERVER, LARGE)):
        dialogs = "".join(_DIALOGS.findall(figures.bodies[site, VISITORS[0]]))
        rows.append([label(site), f"dialog, {tools:,} tools", *_sizes_of(dialogs)])
    return table(["solution", "what", "bytes", "gzipped"], rows)


def _memory(figures: Figures) -> str:
    rows = [
        [f"{site.tools:,}", _megabytes(memory["built"]), _megabytes(memory["rendered"])]
        for site, memory in sorted(figures.memory.items(), key=lambda each: each[0].tools)
    ]
    return table(["tools", "built", "after the pages of three visitors"], rows)


def _added(figures: Figures, case: Case, base: Case) -> Row:
    return (
        f"{figures.time(case):.0f}",
        f"{figures.added(case, base):.0f}",
        f"{figures.ratio(case, base):.3f}",
    )


def _lengths(text: str) -> tuple[int, int]:
    data = text.encode()
    return len(data), len(gzip.compress(data, 9, mtime=0))


def _sizes_of(text: str) -> list[str]:
    return [f"{length:,}" for length in _lengths(text)]


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.2f} MB"


def table(heads: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a Markdown table; what begins with a digit or a sign goes to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    numeric = [
        all(not row[column] or row[column][0] in "-+0123456789" for row in texts)
        for column in range(len(heads))
    ]
    rule = ["---:" if right else "---" for right in numeric]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *texts))


SECTIONS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("What was to be reached", _targets),
    ("A page with 17 tools", _pages),
    ("The same in an async stack", _async_pages),
    ("More tools", _sizes),
    ("The same output from a hundred times as many tools", _same_output),
    ("The API", _api),
    ("Bytes of the page", _bytes),
    ("Files that the page loads, and the dialog in it", _files),
    ("Memory of the compiled policy", _memory),
    ("The first page of a process", _first_pages),
    ("Eight states of consent in turn, and an edit", _states),
)
