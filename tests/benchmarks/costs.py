"""What the worst request of each kind costs, as a ratio to a normal one of that kind.

``python -m tests.benchmarks.costs ROUNDS`` prints the figures as JSON: it is a process of its own,
with the demo site in a database in memory and all of Django's languages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from urllib.parse import urlencode

TOP = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- costs: begin -->", "<!-- costs: end -->"
ROUNDS = 60
# The worst request costs at most so many normal ones.
MOST = 5

API, FORM, RECEIPTS = "/consent/api/preferences/", "/consent/preferences/", "/consent/receipts/"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Cost:
    """Milliseconds of CPU. ``kind``: of request; ``worst``: which one that is."""

    kind: str
    worst: str
    normal_ms: float
    worst_ms: float

    @property
    def ratio(self) -> float:
        return self.worst_ms / self.normal_ms


def measure_costs(rounds: int = ROUNDS) -> list[Cost]:
    """Measure each request so often, in a new process."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.costs", str(rounds)],
        cwd=TOP,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "demo_site.settings",
            "DATABASE_URL": "sqlite://:memory:",
        },
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return [Cost(**each) for each in json.loads(found.stdout)]


def write_costs(costs: list[Cost], output: Path) -> None:
    """Replace the table in ``output``."""
    worst = max(costs, key=lambda cost: cost.ratio)
    rows = [
        f"| {c.kind} | {c.worst} | {c.normal_ms:.2f} | {c.worst_ms:.2f} | {c.ratio:.1f} |"
        for c in costs
    ]
    verdict = "Reached" if worst.ratio <= MOST else "Not reached"
    table = "\n".join(
        [
            BEGIN,
            "",
            "| Request | The worst of the kind | Normal (ms) | Worst (ms) | Ratio |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"- **{verdict}**: the worst request costs at most {MOST} times a normal one of its "
            f"kind: {worst.ratio:.1f} ({worst.kind}, {worst.worst}).",
            END,
        ]
    )
    text = output.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    output.write_text(before + table + after, encoding="utf-8")


def _prepare() -> Any:
    """Set the site up, and return a function that makes a client."""
    import django
    from django.conf import global_settings, settings

    settings.LANGUAGES = global_settings.LANGUAGES
    settings.CONSENT_THROTTLE_RATE = None
    settings.LOGGING_CONFIG = None
    django.setup()
    import logging

    from django.core.management import call_command
    from django.test import Client
    from django.test.utils import setup_test_environment

    logging.disable(logging.CRITICAL)
    setup_test_environment()
    call_command("migrate", verbosity=0)
    call_command("demo_seed", stdout=open(os.devnull, "w"))  # noqa: SIM115
    from consent.models import Cookie, Tool

    tool = Tool.objects.filter(category__essential=False).first()
    Cookie.objects.create(tool=tool, name="*a*a*a*b", kind="cookie")
    return Client


def _cases(
    client: Callable[..., Any],
) -> list[tuple[str, str, Callable[[], Any], Callable[[], Any]]]:
    """Return kind, the worst of it, the normal request and the worst."""
    from consent.models import Policy
    from consent.policy.decision import today

    revision = Policy.objects.get().revision
    keys = ("functional", "marketing-analytics", "advertising")
    good = f"1.{revision}.{today()}." + ".".join(f"{key}_{revision}" for key in keys)
    refusal = {"choices": dict.fromkeys(keys, False), "revision": revision}
    unknown = f"{'ab' * 8}.{revision - 1}.sv.opt_in"

    def get(cookie: str) -> Callable[[], Any]:
        return lambda: client().get("/", headers={"Cookie": cookie})

    def put(body: object, cookie: str = "") -> Callable[[], Any]:
        text = body if isinstance(body, str) else json.dumps(body)
        own = {**SAME_ORIGIN, **({"Cookie": cookie} if cookie else {})}
        return lambda: client().put(API, text, content_type="application/json", headers=own)

    def delete(cookie: str) -> Callable[[], Any]:
        return lambda: client().delete(API, headers={**SAME_ORIGIN, "Cookie": cookie})

    def post(**fields: object) -> Callable[[], Any]:
        text = urlencode({"action": "reject-all", **fields}, doseq=True)
        kind = "application/x-www-form-urlencoded"
        return lambda: client().post(FORM, text, content_type=kind, headers=SAME_ORIGIN)

    def receipts(cookie: str, path: str = RECEIPTS) -> Callable[[], Any]:
        return lambda: client().get(path, headers={"Cookie": cookie})

    copies = "; ".join(f"consent={good[:-1]}{n}" for n in range(120))
    long_names = "; ".join(f"{'_' * 190}{n}=1" for n in range(20))
    one_long = f"{'a' * 3900}=1"
    normal_put, normal_delete = put(refusal), delete(f"consent={good}; _ga=1")
    nested = '{"choices":' + '{"a":' * 400 + "1" + "}" * 401
    many = {"choices": {f"key-{n}": False for n in range(1_000)}, "revision": 1}
    return [
        ("page", "a cookie of 8 KB", get(f"consent={good}"), get(f"consent={'1.' * 4_000}")),
        ("page", "120 cookies that differ", get(f"consent={good}"), get(copies)),
        ("`PUT`", "an unknown `version`", normal_put, put({**refusal, "version": unknown})),
        ("`PUT`", "1,000 unknown keys", normal_put, put(many)),
        ("`PUT`", "JSON nested 400 deep", normal_put, put(nested)),
        ("`PUT`", "a body of 2 MB", normal_put, put('{"choices":{"functional":' + " " * 2_000_000)),
        (
            "`DELETE`",
            "20 long names of cookies",
            normal_delete,
            delete(f"consent={good}; {long_names}"),
        ),
        ("`DELETE`", "a name of 3,900 signs", normal_delete, delete(f"consent={good}; {one_long}")),
        ("form", "an unknown `version`", post(), post(version=unknown)),
        ("form", "1,000 fields", post(), post(choices=["x"] * 990)),
        (
            "receipts",
            "a cookie that is not genuine",
            receipts(""),
            receipts(f"consent_subject={'a' * 32}"),
        ),
        ("receipt", "a number that nobody has", receipts(""), receipts("", f"{RECEIPTS}{NOBODY}/")),
    ]


def _milliseconds(request: Callable[[], Any], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        begin = process_time()
        request()
        taken.append(process_time() - begin)
    return median(taken) * 1_000


def main() -> None:
    """Print the figures as JSON."""
    found, rounds = [], int(sys.argv[1])
    for kind, worst, normal, bad in _cases(_prepare()):
        for request in (normal, bad):
            request()
        found.append(
            {
                "kind": kind,
                "worst": worst,
                "normal_ms": _milliseconds(normal, rounds),
                "worst_ms": _milliseconds(bad, rounds),
            }
        )
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
