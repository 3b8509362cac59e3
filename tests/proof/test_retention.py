"""`manage.py consent_purge`: what is too old goes, nothing else does, and the proof stays whole."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import connection
from django.utils import timezone

from consent import tasks
from consent.events.models import Delivery
from consent.management.progress import Bar
from consent.models import Counter, PolicyVersion, Record, Sequence
from consent.proof import retention
from tests.events.helpers import MARKETING, track, webhooks
from tests.helpers import small_site
from tests.proof.helpers import SEQUENCES, decide, findings, purge, remove, sql

pytestmark = pytest.mark.django_db

OLD = 1_096


@pytest.fixture(autouse=True)
def _site() -> None:
    small_site()


def kept() -> set[Record]:
    return set(Record.objects.all())


def beginnings() -> dict[int, int]:
    return dict(Sequence.objects.values_list("number", "first"))


def test_old_records_go_and_young_ones_stay():
    decide(days=OLD)
    decide(3, days=OLD)
    young = {decide(days=1_094), decide(5)}

    assert purge().startswith("2 records from before")

    assert kept() == young
    assert findings() == ""
    assert beginnings()[0] == 2
    assert beginnings()[3] == 2
    assert beginnings()[5] == 1


def test_second_run_changes_nothing():
    decide(days=OLD)
    decide()
    purge()
    rows = sql(f"SELECT * FROM {SEQUENCES} ORDER BY number")

    assert purge().startswith("0 records")
    assert sql(f"SELECT * FROM {SEQUENCES} ORDER BY number") == rows


def test_site_without_records_is_left_alone():
    assert purge().startswith("0 records")
    assert not Sequence.objects.exists()


def test_sequence_all_of_which_is_old_is_empty_and_goes_on():
    decide(days=OLD)
    purge()
    assert not kept()
    assert findings() == ""

    decide()

    assert Record.objects.get().number == 2
    assert findings() == ""


@pytest.mark.parametrize("size", ["1", "2", "3", "100"])
def test_batches_of_any_size_come_to_the_same(size):
    for _ in range(5):
        decide(days=OLD)
    young = decide()

    assert purge("--batch-size", size).startswith("5 records")

    assert kept() == {young}
    assert findings() == ""


def test_first_younger_record_ends_what_goes():
    decide(days=OLD)
    young = decide()
    behind = decide(days=OLD)

    assert purge().startswith("1 records")

    assert kept() == {young, behind}
    assert findings() == ""


def test_record_that_a_clock_ahead_dated_holds_nothing_up():
    old = [decide(days=OLD), decide(days=OLD)]
    misdated = decide(days=-400)
    old += [decide(days=OLD), decide(days=OLD)]
    young = decide()

    assert "4 records" in purge("--dry-run")
    assert purge().startswith("4 records")

    assert kept() == {misdated, young}
    assert findings() == ""


def test_young_records_are_not_taken_for_misdated_where_a_clock_was_behind():
    young = {decide() for _ in range(3)}
    behind = decide(days=OLD)

    assert purge().startswith("0 records")

    assert kept() == {*young, behind}


def test_left_overs_below_the_beginning_go_once_they_are_old():
    old, young = decide(days=OLD), decide()
    Sequence.objects.locked(0).advance(first=3)

    purge()

    assert kept() == {young}
    assert old not in kept()
    assert beginnings()[0] == 3
    assert findings() == ""


def test_young_left_over_holds_nothing_up_and_stays():
    decide(days=OLD)
    left_over = decide()
    for _ in range(2):
        decide(days=OLD)
    young = decide()
    Sequence.objects.locked(0).advance(first=4)

    assert purge().startswith("3 records")

    assert kept() == {left_over, young}
    assert beginnings()[0] == 5
    assert findings() == ""


def test_counters_stay():
    decide(days=OLD)
    before = Counter.objects.per("day", "event")

    purge()

    assert Counter.objects.per("day", "event") == before


def test_versions_go_with_their_last_record():
    decide(days=OLD)
    assert PolicyVersion.objects.count() == 1

    assert "1 versions of the policy deleted" in purge()

    assert not PolicyVersion.objects.exists()


def test_version_with_a_record_stays():
    decide(days=OLD)
    young = decide()

    assert "0 versions" in purge()

    assert young.version.is_genuine


def test_dry_run_tells_and_deletes_nothing():
    decide(days=OLD)
    decide(2, days=OLD)
    decide(2)

    said = purge("--dry-run")

    assert said.startswith("2 records from before")
    assert said.endswith("Dry run: nothing was deleted.\n")
    assert len(kept()) == 3
    assert set(beginnings().values()) == {1}


def test_setting_is_the_default(settings):
    decide(days=300)
    settings.CONSENT_RETENTION_DAYS = 301
    assert purge().startswith("0 records")

    settings.CONSENT_RETENTION_DAYS = 299
    assert purge().startswith("1 records")


NOW = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "cutoff"),
    [
        ("1", (2026, 3, 30)),
        ("1095d", (2023, 4, 1)),
        ("1m", (2026, 2, 28)),
        ("25m", (2024, 2, 29)),
        ("3m", (2025, 12, 31)),
        ("3y", (2023, 3, 31)),
    ],
)
def test_periods_are_counted_by_the_calendar(period, cutoff):
    assert retention.cutoff_of(period, NOW) == datetime(*cutoff, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("period", ["", "0", "-1", "3w", "y", "1.5y", "3 y", "9999999", "0d"])
def test_period_that_is_none_is_refused(period):
    with pytest.raises(CommandError, match=r"is no period.*Nothing was deleted"):
        purge(f"--older-than={period}")


@pytest.mark.parametrize("period", ["99999y", "999999d", "99999m"])
def test_period_beyond_the_calendar_is_refused(period):
    with pytest.raises(CommandError, match="is too long"):
        purge("--older-than", period)


def test_records_of_decisions_that_still_hold_are_kept_unless_forced():
    decide(days=100)

    with pytest.raises(CommandError, match="up to 182 days"):
        purge("--older-than", "90d")
    assert len(kept()) == 1

    assert purge("--older-than", "90d", "--force").startswith("1 records")
    assert findings() == ""


@pytest.mark.parametrize("size", ["0", "-1"])
def test_batch_without_records_is_refused(size):
    with pytest.raises(CommandError, match="has to be 1 or more"):
        purge(f"--batch-size={size}")


def test_gap_before_what_stays_is_still_found_after_a_purge():
    decide(days=OLD)
    removed = decide(days=OLD)
    decide()
    remove(removed)

    purge()

    assert "sequence 0, number 2" in findings()


def test_gap_in_what_goes_is_told_of():
    decide(days=OLD)
    removed = decide(days=OLD)
    decide(days=OLD)
    remove(removed)
    errors = StringIO()

    call_command("consent_purge", stdout=StringIO(), stderr=errors)

    assert "1 records among them were missing already" in errors.getvalue()


def test_sequence_that_was_altered_is_not_signed_anew():
    decide(days=OLD)
    decide()
    sql(f"UPDATE {SEQUENCES} SET first = 2 WHERE number = 0")

    purge()

    assert "sequence 0: altered" in findings()


def test_keys_of_records_that_are_gone_are_needed_no_more(settings):
    decide(days=OLD)
    settings.CONSENT_SIGNING_KEYS = ["the new key", settings.SECRET_KEY]
    decide()
    purge()

    settings.CONSENT_SIGNING_KEYS = ["the new key"]

    assert findings() == ""


def test_deliveries_of_events_that_ended_long_ago_go_too():
    webhooks(MARKETING)
    track(3)
    ended, recent = Delivery.objects.claim(2, 60)
    for delivery, days in ((ended, 31), (recent, 29)):
        Delivery.objects.drop([delivery], "withdrawn")
        long_ago = timezone.now() - timedelta(days=days)
        Delivery.objects.filter(pk=delivery.pk).update(ended_at=long_ago)

    assert "1 deliveries of events would go." in purge("--dry-run")
    assert Delivery.objects.count() == 3
    assert "1 deliveries of events deleted." in purge()
    assert not Delivery.objects.filter(pk=ended.pk).exists()
    assert Delivery.objects.count() == 2


def test_task_purges():
    decide(days=OLD)
    decide()

    run = tasks.purge.call

    assert run() == 1
    assert run("3y") == 0
    with pytest.raises(retention.PeriodError):
        run("1d")


def test_task_is_one_of_djangos():
    decide(days=OLD)

    assert tasks.purge.enqueue().return_value == 1


class Terminal(StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal


@pytest.mark.parametrize("command", ["consent_purge", "consent_verify"])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_on_a_terminal_alone(command, is_terminal):
    decide(days=OLD)
    terminal = Terminal(is_terminal)

    call_command(command, stdout=StringIO(), stderr=terminal, no_color=True)

    assert ("100%" in terminal.getvalue()) is is_terminal


def test_bar_that_knows_no_total_does_not_fail():
    terminal = Terminal(True)
    bar = Bar(OutputWrapper(terminal), lambda: 0)

    bar.show(0)
    bar.show(7)
    bar.close()

    assert "100% 7" in terminal.getvalue()


# Killed

KILLED_AT = """
import os, signal
import django
django.setup()
from django.db import connection
from consent.proof import retention, verification
assert verification.verify().findings == {}, verification.verify()
left = %d
def wrapper(execute, sql, params, many, context):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)
with connection.execute_wrapper(wrapper):
    retention.purge(retention.cutoff_of(), batch=3)
"""


@pytest.fixture
def address(transactional_db, tmp_path: Path) -> str:
    """Return the URL of a database for other processes: the tests' one, or a copy in a file."""
    for n in range(40):
        decide(n % 2, days=OLD)
    for n in range(4):
        decide(n % 2)
    if connection.vendor == "sqlite":
        file = tmp_path / "db.sqlite3"
        with closing(sqlite3.connect(file)) as copy:
            connection.connection.backup(copy)
        return f"sqlite:///{file}"
    given = connection.settings_dict
    scheme = "postgres" if connection.vendor == "postgresql" else "mysql"
    password = f":{quote(given['PASSWORD'], safe='')}" if given["PASSWORD"] else ""
    port = f":{given['PORT']}" if given["PORT"] else ""
    return f"{scheme}://{given['USER']}{password}@{given['HOST']}{port}/{given['NAME']}"


def apart(address: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.once
def test_purge_that_is_killed_at_any_moment_leaves_the_proof_whole_and_is_taken_up(address):
    for statement in range(5, 18):
        # Each of them first finds that the one before left everything whole.
        killed = apart(address, "-c", KILLED_AT % statement)
        assert killed.returncode == -signal.SIGKILL, killed.stderr

    last = apart(address, "manage.py", "consent_purge")
    assert last.returncode == 0, last.stderr
    assert 0 < int(last.stdout.split(" ")[0]) < 40
    verified = apart(address, "manage.py", "consent_verify")
    assert verified.stdout.startswith("4 records")
    assert verified.returncode == 0, verified.stderr


def test_verify_ends_with_a_status_that_scripts_understand(address):
    tampered = "UPDATE consent_record SET granted = 'functional'"
    code = f"import django; django.setup(); from tests.proof.helpers import sql; sql({tampered!r})"
    assert apart(address, "-c", code).returncode == 0

    verified = apart(address, "manage.py", "consent_verify")

    assert verified.returncode == 1
    assert "44 records altered:" in verified.stderr
