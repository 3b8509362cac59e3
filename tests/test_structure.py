"""The figures about the code's layout: what they count, and which limits they report."""

from pathlib import Path

import pytest

from tests.structure import main, measure

pytestmark = pytest.mark.once

LAYERS = '[[tool.importlinter.contracts]]\nlayers = ["pages", "models"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose `pages` imports its `models`."""
    write(tmp_path, "pyproject.toml", LAYERS)
    write(tmp_path, "consent/__init__.py", "from consent import pages\n")
    write(tmp_path, "consent/models/__init__.py", "def f(): ...\n\n\ndef g(): ...\n")
    write(tmp_path, "consent/pages/__init__.py", "from consent.models import Policy\n")
    return tmp_path


def write(top: Path, name: str, text: str) -> None:
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def figure(top: Path, label: str) -> str:
    return {name.strip(): value for name, value in measure(top).lines}[label].split()[0]


PARTS = ("blank", "docstrings", "imports")


def test_code_within_the_limits_passes(project: Path, capsys):
    assert main([str(project), "--check"]) == 0
    assert "Limit exceeded" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("consent/pages/page.py", "x = 1\n" * 321, "a file has more than 320 lines"),
        ("consent/events/send.py", "x = 1\n" * 321, "a file has more than 320 lines"),
        (
            "consent/pages/page.py",
            "class Page:\n" + "    x = 1\n" * 200,
            "a class has more than 200 lines",
        ),
        (
            "consent/models/tools.py",
            "from consent.pages import page",
            "packages import each other in a circle",
        ),
        (
            "pyproject.toml",
            f"[[tool.importlinter.contracts]]\nlayers = {list('abcdefghij')}\n",
            "too many layers",
        ),
    ],
)
def test_an_exceeded_limit_fails_only_where_it_is_checked(
    project: Path, capsys, name: str, text: str, message: str
):
    write(project, name, text)

    assert main([str(project), "--check"]) == 1
    assert capsys.readouterr().out.endswith(f"Limit exceeded: {message}.\n")
    assert main([str(project)]) == 0


def test_too_many_files_at_the_top_level_exceed_a_limit(project: Path):
    for number in range(12):
        write(project, f"consent/module_{number}.py", "")

    assert measure(project).exceeded == ["too many files at the top level"]


def test_a_circle_through_a_third_package_is_named(project: Path):
    write(project, "consent/models/tools.py", "import consent.conf\n")
    write(project, "consent/conf.py", "def later():\n    from consent.pages import page\n")

    assert ("", "conf <-> models <-> pages") in measure(project).lines


def test_functions_classes_and_types_are_counted_as_they_are_written(project: Path):
    write(
        project,
        "consent/pages/page.py",
        "import functools\n\n\n@functools.lru_cache(maxsize=None)\ndef one(a: Any) -> list[Any]:\n"
        "    return a  # type: ignore[return-value]\n",
    )
    write(project, "consent/pages/two.py", "@cached_property\ndef two(self):\n    return 2\n")

    assert figure(project, "functions") == "4"
    assert figure(project, "median of lines") == "2.0"
    assert figure(project, "uses of Any") == "2"
    assert figure(project, "type: ignore") == "1"
    assert figure(project, "cached functions and properties") == "2"


def test_blank_lines_docstrings_and_imports_are_counted_apart(project: Path):
    before = {name: int(figure(project, f"of these {name}")) for name in PARTS}
    write(
        project,
        "consent/pages/page.py",
        '"""One.\n\nTwo.\n"""\n\nimport os\n\ndef one():\n    """Three."""\n    return 1\n',
    )

    after = {name: int(figure(project, f"of these {name}")) for name in PARTS}
    assert {name: after[name] - before[name] for name in PARTS} == {
        "blank": 3,
        "docstrings": 5,
        "imports": 1,
    }


def test_migrations_and_events_are_left_out(project: Path):
    before = figure(project, "Python lines")
    write(project, "consent/migrations/0001_initial.py", "x = 1\n" * 9)
    write(project, "consent/events/apps.py", "x = 1\n" * 9)
    write(project, "consent/events/migrations/0001_initial.py", "x = 1\n" * 9)

    assert figure(project, "Python lines") == before
    assert figure(project, "consent/events: lines") == "9"
