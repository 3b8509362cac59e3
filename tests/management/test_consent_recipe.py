"""`consent_recipe`: write recipes, try them out, say what is wrong with them and which are old."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from consent.recipes import catalogue, find
from consent.recipes.sources import RECIPES
from tests.recipes.test_recipes import GOOD, write


def run(*arguments: str, err: StringIO | None = None) -> str:
    out = StringIO()
    call_command("consent_recipe", *arguments, stdout=out, stderr=err or StringIO())
    return out.getvalue()


def failure(*arguments: str) -> tuple[str, str]:
    """Return what a run that fails printed, and its reasons; its exit code is 1."""
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("consent_recipe", *arguments, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue(), str(caught.value)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch) -> Path:
    """Return the only directory with recipes, which has one good recipe without a date."""
    monkeypatch.setattr("consent.recipes.directories", lambda: [tmp_path])
    catalogue.cache_clear()
    write(tmp_path, GOOD)
    yield tmp_path
    catalogue.cache_clear()


def test_all_recipes_of_the_package_are_checked():
    assert run("check") == f"{len(catalogue())} recipes checked; nothing is wrong with them.\n"


def test_only_those_that_are_named_are_checked(directory):
    write(directory, GOOD.replace('kind = "browser"', 'kind = "x"'), "broken.toml")

    assert run("check", "good").startswith("1 recipes checked")
    with pytest.raises(CommandError, match=r"^broken.toml: kind: “x” is not one of: browser, "):
        run("check", "broken")
    with pytest.raises(CommandError, match=r"^broken.toml: kind: "):
        run("check")


def test_a_name_that_no_recipe_has_is_said():
    with pytest.raises(CommandError, match="nonesuch: there is no such recipe"):
        run("check", "google-analytics", "nonesuch")


def test_old_facts_come_first_and_those_without_a_date_before_them(directory):
    for name, day in (("old", "2001-02-03"), ("older", "2000-02-03"), ("new", "2100-01-01")):
        text = GOOD.replace('confidence = "low"', f'confidence = "low"\nchecked = {day}')
        write(directory, text.replace('name = "Good"', f'name = "{name}"', 1), f"{name}.toml")

    assert [line.split()[-4:] for line in run("old").splitlines()[:3]] == [
        ["good", "(Good;", "confidence:", "low)"],
        ["older", "(older;", "confidence:", "low)"],
        ["old", "(old;", "confidence:", "low)"],
    ]
    assert run("old").splitlines()[-1] == "3 of 4 recipes are older than 365 days."


@pytest.mark.parametrize("days", ["-1", "100000", "99999999999999999999"])
def test_an_age_that_is_none_is_refused(days):
    with pytest.raises(CommandError, match="is not between 0 and 36500"):
        run("old", "--days", days)


# new


@pytest.fixture
def own(tmp_path: Path, settings) -> Path:
    """Return an empty directory that is the first one in CONSENT_RECIPE_DIRS."""
    directory = tmp_path / "own"
    directory.mkdir()
    settings.CONSENT_RECIPE_DIRS = [directory]
    return directory


COMMON = {
    "name": "Our chat",
    "vendor": "Chat, Inc.",
    "description": "Answers questions.",
    "privacy_url": "https://chat.example/privacy",
    "note": "Nothing was verified.",
    "sources": "https://chat.example/docs",
    "label": "Account",
    "pattern": "[0-9]{1,5}",
    "example": "123",
    "help": "In the chat: Settings.",
    "retention": "1 year",
    "purpose": "Keeps the conversation.",
    "script-src": "https://cdn.chat.example",
    "frame-src": "https://player.chat.example",
}
BY_KIND = {
    "browser": {"src": "https://cdn.chat.example/{{account}}.js"},
    "embed": {"src": "https://player.chat.example/{{id}}"},
    "server": {"pattern": "https://[a-z./]+", "example": "https://chat.example/hook"},
}
TODO = re.compile(r'^([a-z_-]+) = (\[?)""(\]?)  # TODO: .*$', re.MULTILINE)


def filled(text: str, kind: str) -> str:
    """Return the text of a skeleton with a value for each TODO."""
    values = {**COMMON, **BY_KIND[kind]}
    # The first name is the recipe's, the second one a cookie's.
    text = text.replace('name = ""  # TODO: its', 'name = "_chat_*"  # its')
    return TODO.sub(lambda todo: f"{todo[1]} = {todo[2]}'{values[todo[1]]}'{todo[3]}", text)


@pytest.mark.parametrize("kind", BY_KIND)
def test_skeleton_is_a_recipe_once_each_todo_is_done(own: Path, kind: str):
    said = run("new", "our-chat", "--kind", kind)

    path = own / "our-chat.toml"
    assert str(path) in said
    assert failure("check", "our-chat")[1] == "our-chat.toml: name: must not be blank."
    text = filled(path.read_text(), kind)
    assert "TODO:" not in text
    path.write_text(text)
    assert run("check", "our-chat").startswith("1 recipes checked")
    assert "Nothing is wrong with it." in run("test", "our-chat")
    recipe = find("our-chat")
    assert recipe is not None
    assert (recipe.kind, recipe.name) == (kind, "Our chat")


@pytest.mark.parametrize("kind", BY_KIND)
def test_each_todo_of_a_skeleton_has_to_be_done(own: Path, kind: str):
    run("new", "our-chat", "--kind", kind)
    path = own / "our-chat.toml"
    skeleton = path.read_text()
    todos = list(TODO.finditer(skeleton))
    assert len(todos) > 8

    for todo in todos:
        kept = skeleton.replace(todo[0], todo[0].replace("TODO: ", ""))
        path.write_text(filled(kept, kind))
        assert "must not be blank" in failure("check", "our-chat")[1], todo[0]


def test_skeleton_of_a_browser_tool_is_written_if_no_kind_is_given(own: Path):
    run("new", "our-chat")

    assert 'kind = "browser"' in (own / "our-chat.toml").read_text()


def test_new_never_overwrites(own: Path):
    path = write(own, "mine", "our-chat.toml")

    assert failure("new", "our-chat")[1] == f"{path} exists. It was not changed."
    assert path.read_text() == "mine"


def test_new_does_not_follow_a_link_that_leads_nowhere(own: Path):
    (own / "our-chat.toml").symlink_to(own / "elsewhere.toml")

    assert "exists. It was not changed." in failure("new", "our-chat")[1]
    assert not (own / "elsewhere.toml").exists()


@pytest.mark.parametrize("key", ["Our-Chat", "our_chat", "../chat", "/srv/chat", "", "x" * 41])
def test_new_refuses_what_is_no_key(own: Path, key: str):
    assert failure("new", key)[1].startswith(f"“{key}” is not a valid recipe key: it must match ")
    assert list(own.parent.rglob("*.toml")) == []


def test_new_needs_a_directory(tmp_path: Path, settings):
    settings.CONSENT_RECIPE_DIRS = [tmp_path / "missing"]

    assert "use --directory, or set CONSENT_RECIPE_DIRS" in failure("new", "our-chat")[1]
    missing = str(tmp_path / "missing")
    reason = failure("new", "our-chat", "--directory", missing)[1]
    assert reason == f"{missing} is no directory: create it first."


def test_new_warns_where_recipes_are_not_looked_for(own: Path, tmp_path: Path):
    elsewhere = tmp_path / "package"
    elsewhere.mkdir()
    err = StringIO()

    run("new", "our-chat", "--directory", str(elsewhere), err=err)

    assert (elsewhere / "our-chat.toml").exists()
    assert f"not looked for in {elsewhere}: add it to CONSENT_RECIPE_DIRS" in err.getvalue()


def test_new_warns_if_there_is_another_recipe_with_the_key(own: Path):
    err = StringIO()

    run("new", "hotjar", err=err)

    assert re.search("another recipe with this key: .*/consent/recipes/hotjar.toml", err.getvalue())
    assert str(own) not in err.getvalue()


def test_new_names_the_schema_that_is_beside_the_recipes(own: Path):
    run("new", "without")
    (own / "recipe.schema.json").write_text(run("schema"))
    run("new", "with")

    assert (own / "with.toml").read_text().startswith("#:schema ./recipe.schema.json\n# Write")
    assert "#:schema" not in (own / "without.toml").read_text()


# test


def test_what_a_page_would_contain_is_shown(own: Path):
    path = write(own, GOOD.replace('"good({{site}});"', '"{{consent_signals}}(good, {{site}});"'))

    assert run("test", "good").splitlines() == [
        f"Good (good), browser, from {path}",
        "Values:",
        "  site = abc",
        "  zone = eu",
        "In the page of a visitor who allows it (head):",
        '  <script data-consent-tool="good">{{consent_signals}}(good, "abc");</script>',
        '  <script data-consent-tool="good" src="https://good.example/abc.js" async '
        'referrerpolicy="origin" defer></script>',
        "Added to a Content-Security-Policy:",
        "  script-src https://good.example",
        "Not added, as it would hold for the whole page:",
        "  script-src 'unsafe-inline'",
        "Cookies and storage keys:",
        "  cookie _good_* (first party, 1 year): Counts.",
        "Signals of Consent Mode:",
        "  ad_storage",
        "Checked:",
        "  the form of the file, and that its parts fit together",
        "  markup and sources for 4 sets of values: examples, required, each choice",
        "  that [csp] contains the host of each script, frame and address in the code",
        "  the facts, by their author: never, as far as the file says; confidence: low",
        "Nothing is wrong with it.",
    ]


@pytest.mark.parametrize("key", catalogue())
def test_nothing_is_wrong_with_the_recipes_that_are_shipped(key: str):
    assert run("test", key).endswith("Nothing is wrong with it.\n")


def test_reasons_are_given_beside_what_is_shown(own: Path):
    write(own, GOOD.replace("https://good.example/{{site}}", "https://cdn.good.example/{{site}}"))

    shown, reasons = failure("test", "good")

    assert shown.startswith("Good (good), browser")
    assert 'src="https://cdn.good.example/abc.js"' in shown
    assert "Nothing is wrong" not in shown
    assert reasons == (
        "good.toml: csp.script-src: is without the host of https://cdn.good.example/abc.js, which "
        "browsers would block."
    )


@pytest.mark.parametrize(
    ("source", "is_right"),
    [
        ("https://good.example", True),
        ("https://*.example", True),
        ("https://good.example/", True),
        ("https://good.example/abc.js", True),
        ("https://good.example/other/", False),
        ("https://good.example:8443", False),
        ("https://*.good.example", False),
        ("https://example", False),
        ("wss://good.example", False),
        ("https://evilgood.example", False),
    ],
)
def test_host_of_a_script_is_in_the_policy_as_browsers_compare(
    own: Path, source: str, is_right: bool
):
    write(own, GOOD.replace('["https://good.example", ', f'["{source}", '))

    if is_right:
        assert "Nothing is wrong" in run("test", "good")
    else:
        assert "csp.script-src: is without the host of" in failure("test", "good")[1]


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("load('https://good.example/x')", True),
        ("load('https://other.example/x')", False),
        ("load('wss://good.example')", False),
        ("load('https://api.' + zone)", True),
        ("/* https://other.example/docs */ load()", True),
    ],
)
def test_host_that_code_names_is_in_the_policy(own: Path, code: str, is_right: bool):
    write(own, GOOD.replace("good({{site}});", f"good({{{{site}}}}); {code};"))

    if is_right:
        assert "Nothing is wrong" in run("test", "good")
    else:
        assert "which a script names" in failure("test", "good")[1]


def test_embed_whose_examples_show_nothing_is_wrong(own: Path):
    text = (RECIPES / "youtube.toml").read_text()
    assert "live_stream" in text
    write(own, re.sub(r"(?m)^example = .*$", 'example = "live_stream"', text, count=1), "tube.toml")

    assert "tube.toml: With the values id = live_stream" in failure("test", "tube")[1]


def test_invalid_and_unknown_recipes_are_reasons(own: Path):
    write(own, "name = ", "broken.toml")

    assert failure("test", "broken")[1].startswith("broken.toml: is not valid TOML")
    assert failure("test", "nonesuch")[1] == "nonesuch: there is no such recipe."
