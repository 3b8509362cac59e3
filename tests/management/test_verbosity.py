"""`--verbosity 0`: a command that succeeds writes nothing."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from consent.management.progress import Bar
from tests.helpers import small_site
from tests.proof.helpers import alter, decide

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True

    def write(self, text: str, ending: str = "") -> int:
        return super().write(text)


@pytest.mark.parametrize("command", ["consent_init", "consent_purge", "consent_verify"])
def test_success_is_silent(command, capfd):
    small_site()
    decide()

    call_command(command, verbosity=0)

    assert capfd.readouterr() == ("", "")


def test_error_is_not_silenced():
    small_site()
    alter(decide(), "gpc", True)

    with pytest.raises(CommandError, match="1 records altered"):
        call_command("consent_verify", verbosity=0)


@pytest.mark.parametrize(("verbosity", "is_shown"), [(0, False), (1, True)])
def test_progress_bar_is_shown_on_a_terminal_only_if_wanted(verbosity, is_shown):
    terminal = Terminal()

    Bar(terminal, lambda: 10, verbosity=verbosity).show(5)

    assert ("50%" in terminal.getvalue()) is is_shown
