"""`manage.py consent_export` and `consent_import`: a policy from one installation to another."""

import io
import json
import re
import stat
from collections.abc import Callable, Iterator
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import pre_save
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings, strategies

from consent import recipes
from consent.checks.stored import check_policies
from consent.models import Category, Cookie, Policy, Tool
from consent.models.legal_basis import LEGAL_BASES
from consent.policy import policies
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory
from tests.helpers import (
    OPTIONAL,
    consent_in,
    grant,
    page_request,
    put_all_policies_in_use,
    small_site,
)

pytestmark = pytest.mark.django_db

MODELS = (Policy, Category, Tool, Cookie)
OF_ONE_DATABASE = {
    *("id", "policy_id", "category_id", "tool_id"),
    *("since", "revision", "issued", "changed_at", "gone_at", "is_disclosed"),
    *("hidden_from", "hidden_until", "stopped_at"),
}
SECRET = "https://hooks.zapier.com/hooks/catch/777777/topsecret/"
SIGNING = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

Data = dict[str, Any]


@pytest.fixture(autouse=True)
def _every_edit_shows_at_once(settings):
    # A test's transaction is never committed, so nothing tells the process of an edit.
    settings.CONSENT_POLICY_MAX_AGE = 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policy.json"


@pytest.fixture
def policy() -> Policy:
    return small_site()


@pytest.fixture
def demo(settings) -> Policy:
    settings.DEBUG = True
    call_command("demo_seed", stdout=StringIO())
    return Policy.objects.get()


def exported(*options: str) -> str:
    out = StringIO()
    call_command("consent_export", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def data_of(*options: str) -> Data:
    return json.loads(exported(*options))


def imported(content: str | Data, file: Path, *options: str) -> list[str]:
    """Import `content` and return the lines that are printed, without what indents them."""
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    out = StringIO()
    call_command("consent_import", str(file), *options, stdout=out)
    return [line.strip() for line in out.getvalue().splitlines()]


def refusal(content: str | Data, file: Path, *options: str) -> list[str]:
    """Return the lines of the refusal of `content`, without the first one; nothing has changed."""
    before = rows()
    with pytest.raises(CommandError) as error:
        imported(content, file, *options)
    assert rows() == before
    first, *problems = str(error.value).splitlines()
    assert first == f"{file} is not imported; nothing was changed."
    assert error.value.returncode == 1
    return problems


def under(title: str, lines: list[str]) -> list[str]:
    """Return the lines of a report from a title to the next one."""
    rest = lines[lines.index(title) + 1 :]
    ends = (n for n, line in enumerate(rest) if line.endswith((":", "changed.", "Imported.")))
    return rest[: next(ends, len(rest))]


def changes(lines: list[str]) -> list[str]:
    return [line for line in lines if re.match("[+~-] ", line)]


def rows() -> list[list[Data]]:
    """Everything that is stored, to the last column."""
    return [list(model.objects.order_by("pk").values()) for model in MODELS]


def meaning() -> list[list[Data]]:
    """Everything that an editor can set, without what belongs to this database."""
    stored = [
        [{name: row[name] for name in row.keys() - OF_ONE_DATABASE} for row in each]
        for each in rows()
    ]
    return [sorted(each, key=lambda row: json.dumps(row, sort_keys=True)) for each in stored]


def translate_everything() -> None:
    for model in MODELS:
        for row in model.objects.all():
            for name in row.TEXTS:
                row.translate("de", name, f"{name} auf Deutsch")
            row.save(update_fields=["translations"])


def empty_the_database() -> None:
    Policy.objects.all().delete()
    assert not any(any(each) for each in rows())


def category_in(data: Data, key: str) -> Data:
    return next(each for each in data["categories"] if each["key"] == key)


def tool_in(data: Data, key: str) -> Data:
    return next(tool for each in data["categories"] for tool in each["tools"] if tool["key"] == key)


def put_at(data: Data, path: str, value: object) -> None:
    """Set what `path` (such as `categories[0].name`) names."""
    *way, last = [int(n) if n.isdigit() else n for n in re.findall(r"\w+", path)]
    for step in way:
        data = data[step]
    data[last] = value


# The file


def test_file_is_json_that_shows_each_change_on_a_line_of_its_own(policy):
    text = exported()

    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"
    assert json.loads(text)["format"] == 1


def test_file_holds_all_that_an_editor_can_set(policy):
    translate_everything()
    fields = {
        Policy: set(data_of()["policy"]),
        Category: set(data_of()["categories"][0]) - {"tools"},
        Tool: {*tool_in(data_of(), "chat"), *tool_in(data_of(), "google-analytics")} - {"cookies"},
        Cookie: set(tool_in(data_of(), "google-analytics")["cookies"][0]),
    }

    for model, found in fields.items():
        columns = {field.attname for field in model._meta.concrete_fields}
        assert found == columns - OF_ONE_DATABASE, model


def test_letters_of_all_languages_are_written_as_they_are():
    PolicyFactory(name="Données, 数据, 😀")

    assert "Données, 数据, 😀" in exported()


def test_policy_in_use_is_written_unless_another_is_named():
    PolicyFactory(name="Ours")
    spare = PolicyFactory(spare=True)

    assert data_of()["policy"]["name"] == "Ours"
    assert data_of("--policy", spare.key)["policy"]["name"] == "A spare policy"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "No policy is in use. There is: spare."),
        (["--policy", "x"], "There is no policy “x”. There is: spare."),
    ],
)
def test_policy_that_is_not_there_is_a_plain_error(options, expected):
    PolicyFactory(key="spare", is_default=False)

    with pytest.raises(CommandError, match=re.escape(expected)):
        exported(*options)


def test_without_any_policy_the_error_says_what_makes_one():
    with pytest.raises(CommandError, match="There is none; consent_init makes one"):
        exported()


def test_categories_are_in_their_order_and_tools_as_visitors_see_them():
    later, sooner = CategoryFactory(key="a", order=2), CategoryFactory(key="b", order=1)
    for key, order, name in (("x", 0, "beta"), ("y", 0, "Alpha"), ("z", 1, "Aa")):
        ToolFactory(category=later, key=key, order=order, name=name)

    assert [each["key"] for each in data_of()["categories"]] == [sooner.key, later.key]
    tools = [tool.name for tool in policies.current().categories[1].tools]
    assert [each["name"] for each in data_of()["categories"][1]["tools"]] == tools


def test_order_in_which_cookies_were_entered_makes_no_difference(policy):
    before = exported()
    cookie = Cookie.objects.get(name="_ga")
    cookie.delete()
    cookie.pk = None
    cookie.save(force_insert=True)

    assert exported() == before


def test_order_in_which_tools_were_entered_makes_no_difference():
    category = CategoryFactory()
    for key in ("second", "first"):
        ToolFactory(category=category, key=key, name="Of one name")

    assert [each["key"] for each in data_of()["categories"][0]["tools"]] == ["first", "second"]


def test_blank_parameter_is_none(webhooks):
    webhooks.parameters["authorization"] = ""
    webhooks.save()

    assert tool_in(data_of(), "webhooks")["parameters"] == {"url": "https://example.com/hook"}
    assert "left_out" not in tool_in(data_of(), "webhooks")


def test_number_of_queries_does_not_grow_with_the_policy(demo):
    with CaptureQueriesContext(connection) as queries:
        exported()

    assert len(queries) <= 5


def test_file_is_written_where_one_wants_it(policy, file):
    said = StringIO()
    call_command("consent_export", "--output", str(file), stderr=said)

    assert file.read_text(encoding="utf-8") == exported()
    assert said.getvalue() == f"Policy default written to {file}\n"


def test_terminal_of_another_encoding_gets_utf_8_all_the_same(policy, capfdbinary, monkeypatch):
    policy.name = "Données"
    policy.save()
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", newline="\r\n")

    call_command("consent_export", stdout=out)

    assert out.buffer.getvalue().decode("utf-8") == exported()


def test_place_where_nothing_can_be_written_is_a_plain_error(policy, tmp_path):
    with pytest.raises(CommandError, match=r"Cannot write .*directory"):
        call_command("consent_export", "--output", str(tmp_path))


# There and back


@pytest.mark.parametrize("how_made", ["demo", "policy"])
def test_what_is_exported_comes_back_to_the_letter(how_made, request, file):
    request.getfixturevalue(how_made)
    Tool.objects.filter(key="webhooks").update(
        parameters={"url": "https://example.com/hook", "authorization": SIGNING}
    )
    text, before = exported("--with-secrets"), meaning()
    empty_the_database()

    imported(text, file)

    assert exported("--with-secrets") == text
    assert meaning() == before


def test_nothing_is_to_do_where_the_file_came_from(demo, file):
    Category.objects.update(order=0)
    before = rows()

    said = imported(exported(), file, "--delete")

    assert said == [
        "Policy default:",
        "no difference",
        "Asked again:",
        "nobody",
        "Nothing to do: nothing was changed.",
    ]
    assert rows() == before


def edit_everything(policy: Policy) -> None:
    """Do to a policy what editors may do in a year."""
    policy.name, policy.regime, policy.lifetime_days = "Edited", "implied", 90
    policy.save()
    functional, _, advertising, essential = policy.categories.all()
    functional.order, functional.purpose = 999, "Something else."
    functional.save()
    advertising.essential = True
    advertising.save()
    policy.tools.exclude(key="drift").filter(category=functional).delete()
    policy.tools.filter(key="drip").delete()
    for tool in policy.tools.filter(key__in=["amplitude", "marketo", "google-analytics"]):
        tool.category, tool.enabled, tool.order, tool.vendor = essential, False, 7, "Another Ltd"
        tool.placement, tool.name = "manual", "Edited"
        tool.recipe, tool.parameters, tool.snippet = "", {}, "<script>another()</script>"
        tool.save()
        tool.cookies.all().delete()
        CookieFactory(tool=tool, name="_mine")
    more = CategoryFactory(policy=policy, key="more")
    ToolFactory(category=more, key="more-tool")
    Cookie.objects.filter(tool__policy=policy).update(retention="for ever")


@pytest.mark.parametrize("delete", [["--delete"], []])
def test_database_that_was_edited_gets_the_state_of_the_file(demo, file, delete: list[str]):
    text, before = exported("--with-secrets"), meaning()
    edit_everything(demo)
    assert exported("--with-secrets") != text

    imported(text, file, *delete)

    if delete:
        assert exported("--with-secrets") == text
        assert meaning() == before
    else:
        assert {"more", "more-tool"} <= {
            row.key for model in (Category, Tool) for row in model.objects.all()
        }
    again = rows()
    assert "Nothing to do: nothing was changed." in imported(text, file, *delete)
    assert rows() == again


keys = strategies.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True)
letters = strategies.characters(codec="utf-8", exclude_characters="\0")
blank_texts = strategies.text(letters, max_size=40)
full_texts = strategies.text(letters, min_size=1, max_size=40).filter(str.strip)
numbers = strategies.integers(0, 32767)
addresses = strategies.sampled_from(["", "/privacy/", "https://example.com/é?a=b#c"])

cookies = strategies.fixed_dictionaries(
    {
        "name": strategies.from_regex(r"_[a-z]{1,5}", fullmatch=True),
        "kind": strategies.sampled_from(Cookie.Kind.values),
        "party": strategies.sampled_from(Cookie.Party.values),
        "retention": blank_texts,
        "purpose": blank_texts,
    }
)
codes = strategies.sampled_from(
    [
        {
            "snippet": '<script src="https://vendor.example/é.js"></script>\r\n',
            "sources": "script-src https://vendor.example",
        },
        {"recipe": "google-analytics", "parameters": {"measurement_id": "G-ABC1234567"}},
        {"recipe": "zapier", "parameters": {"hook_url": SECRET}},
        {"recipe": "webhooks", "parameters": {"url": "https://example.com/", "authorization": ""}},
    ]
)
tools = strategies.builds(
    lambda fields, code, cookies: {"sources": "", **fields, **code, "cookies": cookies},
    strategies.fixed_dictionaries(
        {
            "key": keys,
            "name": full_texts,
            "vendor": blank_texts,
            "privacy_url": addresses,
            "enabled": strategies.booleans(),
            "placement": strategies.sampled_from(Tool.Placement.values),
            "hears_decisions": strategies.booleans(),
            "order": numbers,
        }
    ),
    codes,
    strategies.lists(cookies, max_size=3, unique_by=lambda each: (each["kind"], each["name"])),
)
categories = strategies.fixed_dictionaries(
    {
        "key": keys,
        "name": full_texts,
        "purpose": full_texts,
        "essential": strategies.booleans(),
        "sale": strategies.booleans(),
        "consent_types": strategies.sampled_from(["", "ad_storage", "ad_storage ad_user_data"]),
        "order": numbers,
        "tools": strategies.lists(tools, max_size=3),
    }
)


region_rules = strategies.fixed_dictionaries(
    {
        "regions": strategies.sampled_from(["EEA", "US-CA", "DE FR"]),
        "regime": strategies.sampled_from(list(LEGAL_BASES)),
    }
)


def keys_differ(data: Data) -> bool:
    found = [
        each["key"] for category in data["categories"] for each in (category, *category["tools"])
    ]
    return len(found) == len(set(found))


made_up = strategies.fixed_dictionaries(
    {
        "format": strategies.just(1),
        "policy": strategies.fixed_dictionaries(
            {
                "key": keys,
                "name": full_texts,
                "language": strategies.sampled_from(["en", "de-at"]),
                "is_default": strategies.just(True),
                "regime": strategies.sampled_from(list(LEGAL_BASES)),
                "lifetime_days": strategies.integers(1, 395),
                "notice_text": full_texts,
                "introduction": blank_texts,
                "explanation": blank_texts,
                "policy_url": addresses,
                "privacy_url": addresses,
                "hosts": strategies.sampled_from(["", "a.example", "a.example\n.b.example"]),
                "controller_name": blank_texts,
                "controller_address": blank_texts,
                "controller_contact": blank_texts,
                "tool_choices": strategies.booleans(),
                "wait_for_update": strategies.integers(0, 10_000),
                "ads_data_redaction": strategies.booleans(),
                "url_passthrough": strategies.booleans(),
            }
        ),
        "region_rules": strategies.lists(region_rules, max_size=3),
        "categories": strategies.lists(categories, max_size=4),
    }
).filter(keys_differ)


def in_files_order(data: Data) -> Data:
    """Return what a file that was written by hand becomes once it is exported."""
    data = deepcopy(data)
    orders = [category["order"] for category in data["categories"]]
    for position, category in enumerate(data["categories"], start=1):
        if orders != sorted(set(orders)):
            category["order"] = position * 10
        category["tools"].sort(key=lambda tool: (tool["order"], tool["name"], tool["key"]))
        for tool in category["tools"]:
            tool["cookies"].sort(key=lambda cookie: (cookie["kind"], cookie["name"]))
            if tool.get("parameters", {}).get("authorization") == "":
                del tool["parameters"]["authorization"]
    return data


@pytest.mark.once
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=made_up, before=made_up)
def test_any_policy_comes_back_into_any_database(data: Data, before: Data, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "made-up.json"
    Policy.objects.all().delete()
    imported(data, file)
    first = exported("--with-secrets")
    assert json.loads(first) == in_files_order(data)
    assert changes(imported(first, file)) == changes(imported(data, file)) == []

    Policy.objects.all().delete()
    imported(before, file)
    imported(first, file, "--delete")

    assert exported("--with-secrets") == first
    assert changes(imported(first, file)) == []


# A second run, and a dry one


def test_second_run_changes_nothing_and_says_so(policy, file):
    data = data_of()
    tool_in(data, "chat")["vendor"] = "Another Ltd"
    data["categories"][1]["purpose"] = "Something else."
    assert imported(data, file)[-1] == "Imported."
    before = rows()

    said = imported(data, file)

    assert said[-1] == "Nothing to do: nothing was changed."
    assert rows() == before


def test_dry_run_says_the_same_as_the_real_one_and_changes_nothing(demo, file):
    data = data_of("--with-secrets")
    edit_everything(demo)
    before = rows()

    dry = imported(data, file, "--dry-run", "--delete")

    assert rows() == before
    assert dry.pop() == "Dry run: nothing was changed."
    real = imported(data, file, "--delete")
    assert real.pop() == "Imported."
    assert dry == real


def test_dry_run_is_not_noticed_by_the_website(policy, file, django_capture_on_commit_callbacks):
    data = data_of()
    data["policy"]["name"] = "Another"

    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        imported(data, file, "--dry-run")

    assert callbacks == []
    assert policies.current().name != "Another"


def test_import_is_noticed_by_the_website(policy, file, django_capture_on_commit_callbacks):
    assert policies.current().name == policy.name
    data = data_of()
    data["policy"]["name"] = "Another"

    with django_capture_on_commit_callbacks(execute=True):
        imported(data, file)

    assert policies.current().name == "Another"


# The difference


def test_difference_names_what_is_added_changed_and_removed(policy, file):
    data = data_of()
    data["policy"]["lifetime_days"] = 90
    data["region_rules"] = [{"regions": "EEA", "regime": "opt_in"}]
    data["categories"].append(
        {
            "key": "new",
            "name": "New",
            "purpose": "To test.",
            "essential": False,
            "sale": False,
            "consent_types": "",
            "order": 9,
            "tools": [{**tool_in(data, "chat"), "key": "talk", "name": "Talk"}],
        }
    )
    analytics = tool_in(data, "google-analytics")
    analytics["parameters"]["measurement_id"] = "G-OTHER12345"
    analytics["enabled"] = False
    analytics["cookies"][0]["retention"] = "a day"
    analytics["cookies"][1]["name"] = "_other"
    tool_in(data, "guard")["snippet"] = "<script>another()</script>"
    data["categories"][0]["tools"].append(data["categories"][2]["tools"].pop())
    del data["categories"][2]

    said = changes(imported(data, file, "--delete"))

    snippet = (
        '“<script src="https://vendor.example/guard.js"></script>” → “<script>another()</script>”'
    )
    assert said == [
        "~ policy default: lifetime_days: 182 → 90",
        "~ policy default: region_rules: — → “EEA: opt_in”",
        "+ category new “New” (optional): “To test.”",
        "- category advertising “Advertising”",
        "~ tool pixel: category: advertising → functional",
        "~ tool google-analytics: enabled: true → false",
        "~ tool google-analytics: parameters.measurement_id: “G-ABC1234567” → “G-OTHER12345”",
        "~ cookie _ga of google-analytics: retention: “2 years” → “a day”",
        "+ cookie _other of google-analytics",
        "- cookie _ga_* of google-analytics",
        f"~ tool guard: snippet: {snippet}",
        "+ tool talk “Talk” in new (vendor “Example Ltd”, custom snippet, enabled, 0 cookies)",
    ]


def test_long_texts_are_shown_where_they_differ(policy, file):
    policy.notice_text = "All the same. " * 40 + "We keep it for a year. " + "The end. " * 40
    policy.save()
    data = data_of()
    data["policy"]["notice_text"] = policy.notice_text.replace("for a year", "for a month")

    (line,) = changes(imported(data, file))

    assert "for a year" in line
    assert "for a month" in line
    assert len(line) < 200


def test_text_from_the_file_cannot_steer_the_terminal(policy, file):
    data = data_of()
    data["policy"]["name"] = "A\x1b[2Jb\u202ec\nPolicy default:\rd"

    (line,) = changes(imported(data, file))

    assert line.endswith(r"→ “A\x1b[2Jb\u202ec\nPolicy default:\rd”")


# What is not in the file


def test_what_is_not_in_the_file_stays_and_is_named(policy, file):
    data = data_of()
    del data["categories"][1]
    tool_in(data, "pixel")["cookies"] = []
    del data["categories"][0]["tools"][0]
    before = rows()

    said = imported(data, file)

    assert changes(said) == []
    assert rows() == before
    assert under("Not in the file, and kept (--delete removes it):", said) == [
        "category marketing-analytics",
        "tool chat",
        "tool google-analytics",
        "cookie _px_* of pixel",
        "cookie ad_id of pixel",
        "storage px_state of pixel",
    ]


def test_what_is_not_in_the_file_goes_where_that_is_asked_for(policy, file):
    data = data_of()
    del data["categories"][1]
    tool_in(data, "pixel")["cookies"] = []
    del data["categories"][0]["tools"][0]

    imported(data, file, "--delete")

    assert data_of() == data
    assert not Tool.objects.filter(key__in=["chat", "google-analytics"]).exists()
    assert not Cookie.objects.exists()


def test_other_policies_stay_as_they_are(policy, file):
    spare = PolicyFactory(spare=True)
    ToolFactory(category__policy=spare, key="theirs")
    data = data_of()
    data["categories"] = []

    imported(data, file, "--delete")

    assert [tool.key for tool in Tool.objects.all()] == ["theirs"]


def test_place_in_the_list_is_the_order_where_the_numbers_do_not_say(policy, file):
    Category.objects.update(order=0)
    data = data_of()
    data["categories"].reverse()

    imported(data, file)

    assert [each["key"] for each in data_of()["categories"]] == [
        each["key"] for each in data["categories"]
    ]
    assert changes(imported(data, file)) == []


def test_edited_category_stays_in_its_place_among_equal_numbers(policy, file):
    Category.objects.update(order=0)
    data = data_of()
    data["categories"][1]["name"] = "Renamed"

    imported(data, file)

    assert data_of() == data


def test_category_that_stays_does_not_share_its_number_with_one_of_the_file(policy, file):
    Category.objects.update(order=10)
    data = data_of()
    del data["categories"][2]
    data["categories"].reverse()

    imported(data, file)

    orders = list(Category.objects.values_list("order", flat=True))
    assert len(set(orders)) == 4
    assert changes(imported(data, file)) == []


# Which policy


def test_other_policy_can_be_named(policy, file):
    data = data_of()
    data["policy"] |= {"key": "staging", "name": "From staging"}

    imported(data, file, "--policy", "default")

    assert [(each.key, each.name) for each in Policy.objects.all()] == [("default", "From staging")]


def test_policy_of_another_key_is_created_and_takes_over(policy, file):
    data = data_of()
    data["policy"]["key"] = "other"

    said = imported(data, file)

    assert Policy.objects.default().key == "other"
    assert changes(said)[0] == "+ policy other “Website Data Collection Policy”"
    assert changes(said)[-1] == "~ policy default: is_default: true → false"
    assert under("Asked again:", said) == ["everybody: another policy comes into use"]
    assert consent_in(page_request(grant(*OPTIONAL, at=policy.revision))).must_ask


def test_policy_beside_the_one_in_use_asks_nobody(policy, file):
    data = data_of()
    data["policy"] |= {"key": "other", "is_default": False}

    said = imported(data, file)

    assert Policy.objects.default() == policy
    assert under("Asked again:", said) == ["nobody: the policy is not in use"]


def test_of_several_policies_in_use_one_stays(policy, file):
    PolicyFactory(key="wrongly", is_default=False)
    put_all_policies_in_use()

    said = imported(data_of(), file)

    assert changes(said) == ["~ policy wrongly: is_default: true → false"]
    assert [each.key for each in Policy.objects.in_use()] == ["default"]
    assert changes(imported(data_of(), file)) == []


def test_website_is_not_left_without_a_policy(policy, file):
    data = data_of()
    data["policy"]["is_default"] = False

    (problem,) = refusal(data, file)

    assert problem.startswith("policy.is_default: false would leave the website without")


def test_one_of_several_policies_in_use_may_go_out_of_use(policy, file):
    PolicyFactory(key="another", is_default=False)
    put_all_policies_in_use()
    data = data_of("--policy", "default")
    data["policy"]["is_default"] = False

    imported(data, file)

    assert [each.key for each in Policy.objects.in_use()] == ["another"]


# Secrets


@pytest.fixture
def zapier() -> Tool:
    parameters = {"hook_url": SECRET}
    return ToolFactory(by_recipe=True, recipe="zapier", key="zapier", parameters=parameters)


@pytest.fixture
def webhooks() -> Tool:
    parameters = {"url": "https://example.com/hook", "authorization": SIGNING}
    return ToolFactory(by_recipe=True, recipe="webhooks", key="webhooks", parameters=parameters)


def test_secrets_are_left_out_and_named(zapier, webhooks):
    out, said = StringIO(), StringIO()

    call_command("consent_export", stdout=out, stderr=said)

    assert SECRET not in out.getvalue()
    assert SIGNING not in out.getvalue()
    assert tool_in(data_of(), "zapier")["left_out"] == ["hook_url"]
    assert tool_in(data_of(), "webhooks")["parameters"] == {"url": "https://example.com/hook"}
    assert said.getvalue() == "Secrets left out: zapier.hook_url, webhooks.authorization\n"


def test_secrets_are_written_where_that_is_asked_for(zapier, webhooks):
    data = data_of("--with-secrets")

    assert tool_in(data, "zapier")["parameters"] == {"hook_url": SECRET}
    assert "left_out" not in tool_in(data, "zapier")
    assert tool_in(data, "webhooks")["parameters"]["authorization"] == SIGNING


def test_of_a_recipe_that_is_gone_every_parameter_may_be_a_secret(zapier):
    Tool.objects.update(recipe="gone")

    assert SECRET not in exported()
    assert SECRET in exported("--with-secrets")


@pytest.fixture
def other_recipes(monkeypatch) -> Iterator[Callable[[Path], None]]:
    """Takes another directory as the catalogue, until the test is over."""

    def take(directory: Path) -> None:
        monkeypatch.setattr(recipes, "directories", lambda: [directory])
        recipes.catalogue.cache_clear()

    yield take
    monkeypatch.undo()
    recipes.catalogue.cache_clear()


def test_where_the_catalogue_is_broken_nothing_is_done(zapier, tmp_path, other_recipes):
    tmp_path.joinpath("broken.toml").write_text("name = ")
    other_recipes(tmp_path)

    with pytest.raises(CommandError, match=r"catalogue of recipes is broken: broken\.toml"):
        exported()
    with pytest.raises(CommandError, match=r"catalogue of recipes is broken: broken\.toml"):
        imported("{}", tmp_path / "policy.json")


def test_file_with_secrets_is_readable_only_for_its_owner(zapier, file):
    file.write_text("there before")
    file.chmod(0o644)

    call_command("consent_export", "--with-secrets", "--output", str(file), stderr=StringIO())

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_import_without_secrets_keeps_those_that_are_stored(zapier, webhooks, file):
    data = data_of()
    tool_in(data, "zapier")["name"] = "Renamed"
    tool_in(data, "webhooks")["parameters"]["url"] = "https://example.com/elsewhere"
    for tool in (zapier, webhooks):
        del tool_in(data, tool.key)["left_out"]

    said = imported(data, file)

    assert Tool.objects.get(key="zapier").parameters == {"hook_url": SECRET}
    assert Tool.objects.get(key="webhooks").parameters == {
        "url": "https://example.com/elsewhere",
        "authorization": SIGNING,
    }
    assert "Without its secret:" not in said
    assert not Tool.objects.filter(enabled=False).exists()


def test_secret_of_another_recipe_is_not_kept(zapier, file, tmp_path, other_recipes):
    # Another vendor's secret has the same name.
    (known,) = (path for each in recipes.directories() for path in each.glob("zapier.toml"))
    for key in ("zapier", "other"):
        tmp_path.joinpath(f"{key}.toml").write_text(known.read_text())
    other_recipes(tmp_path)
    data = data_of()
    tool_in(data, "zapier")["recipe"] = "other"

    said = imported(data, file)

    assert Tool.objects.get().parameters == {}
    assert changes(said) == [
        "~ tool zapier: enabled: true → false",
        "~ tool zapier: recipe: “zapier” → “other”",
        "~ tool zapier: parameters.hook_url: •••••••• → —",
    ]


def test_secret_that_is_blank_in_the_file_is_removed(webhooks, file):
    data = data_of("--with-secrets")
    tool_in(data, "webhooks")["parameters"]["authorization"] = ""

    said = imported(data, file)

    assert Tool.objects.get().parameters == {"url": "https://example.com/hook"}
    assert changes(said) == ["~ tool webhooks: parameters.authorization: •••••••• → —"]
    assert changes(imported(data, file)) == []


def test_secrets_are_masked_in_the_difference(zapier, file):
    data = data_of("--with-secrets")
    tool_in(data, "zapier")["parameters"]["hook_url"] = SECRET.replace("7", "8")

    said = imported(data, file)

    assert changes(said) == ["~ tool zapier: parameters.hook_url: •••••••• → another one"]
    assert Tool.objects.get().parameters == {"hook_url": SECRET.replace("7", "8")}


def test_parameters_of_a_new_tool_are_shown_but_for_its_secrets(webhooks, file):
    data = data_of("--with-secrets")
    Tool.objects.all().delete()

    assert changes(imported(data, file))[1:] == [
        "+ tool webhooks: parameters.authorization: ••••••••",
        "+ tool webhooks: parameters.url: “https://example.com/hook”",
    ]


@pytest.mark.parametrize("wrong", ["topsecret", ["topsecret"], {"a": "topsecret"}, 7])
def test_secrets_are_not_repeated_in_errors(zapier, file, wrong):
    data = data_of("--with-secrets")
    tool_in(data, "zapier")["parameters"] = {"hook_url": wrong}
    (problem,) = refusal(data, file)
    assert problem.startswith("categories[0].tools[0].parameters.hook_url: ")
    assert "topsecret" not in problem

    tool_in(data, "zapier")["parameters"] = "topsecret"
    (problem,) = refusal(data, file)
    assert "topsecret" not in problem


@pytest.mark.parametrize(("key", "secret"), [("zapier", "hook_url"), ("webhooks", "authorization")])
def test_new_tool_that_lacks_its_secret_is_disabled_until_it_has_it(
    key, secret, zapier, webhooks, file
):
    Tool.objects.exclude(key=key).delete()
    data, with_secrets = data_of(), data_of("--with-secrets")
    empty_the_database()

    said = imported(data, file)

    (note,) = under("Without its secret:", said)
    assert note.startswith(f"tool {key} is disabled: {secret} is neither in the file nor stored")
    assert not Tool.objects.get().enabled
    assert changes(imported(data, file)) == []
    assert not Tool.objects.get().enabled
    # Its only tool is disabled, so that nobody is asked.
    assert [each.id for each in check_policies(databases=["default"])] == ["consent.I025"]

    imported(with_secrets, file)
    assert Tool.objects.get().enabled
    assert data_of("--with-secrets") == with_secrets


def test_tool_that_an_editor_enabled_without_an_optional_secret_stays_on(webhooks, file):
    data = data_of()
    webhooks.parameters = {"url": "https://example.com/hook"}
    webhooks.save()

    said = imported(data, file)

    assert changes(said) == []
    assert "Without its secret:" not in said


# Who is asked again


def add_tool(data: Data) -> None:
    tool = {**tool_in(data, "chat"), "key": "talk", "name": "Talk"}
    data["categories"][0]["tools"].append(tool)


def add_category(data: Data) -> None:
    new = {**data["categories"][0], "key": "new", "name": "New", "tools": [], "order": 9}
    data["categories"].append(new)


def add_category_with_tool(data: Data) -> None:
    add_category(data)
    data["categories"][-1]["tools"] = [{**tool_in(data, "chat"), "key": "talk", "name": "Talk"}]


def change_what_has_no_enabled_tool(data: Data) -> None:
    tool_in(data, "chat")["enabled"] = False
    data["categories"][0]["purpose"] = "Something else."


def move_tool(data: Data) -> None:
    data["categories"][1]["tools"].append(data["categories"][2]["tools"].pop())


def change_at(path: str, value: object) -> Callable[[Data], None]:
    def edit(data: Data) -> None:
        put_at(data, path, value)

    return edit


ALLOWED = "visitors who have allowed “{}”, or were not asked about it yet: “{}” {}"
CHANGED = "visitors who have not refused “{}”: it {}"
CHAT = "categories[0].tools[0]"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (add_tool, ALLOWED.format("Functional", "Talk", "is new")),
        (
            move_tool,
            ALLOWED.format("Marketing analytics", "Pixel", "was moved here from “Advertising”"),
        ),
        (
            change_at(f"{CHAT}.vendor", "Another Ltd"),
            ALLOWED.format("Functional", "Chat", "has another vendor"),
        ),
        (
            change_at("categories[1].tools[0].recipe", "adwords"),
            ALLOWED.format("Marketing analytics", "Google analytics", "is of another kind"),
        ),
        (
            change_at("categories[0].purpose", "Something else."),
            CHANGED.format("Functional", "has another purpose"),
        ),
        (
            change_at("categories[3].essential", False),
            CHANGED.format("Essential", "was essential and can be refused now"),
        ),
        (add_category_with_tool, CHANGED.format("New", "is new")),
        (add_category, "nobody"),
        (change_what_has_no_enabled_tool, "nobody"),
        (change_at(f"{CHAT}.name", "Renamed"), "nobody"),
        (change_at(f"{CHAT}.snippet", "<script>another()</script>"), "nobody"),
        (change_at(f"{CHAT}.enabled", False), "nobody"),
        (change_at(f"{CHAT}.cookies", []), "nobody"),
        (change_at("categories[0].tools", []), "nobody"),
        (change_at("categories[0].essential", True), "nobody"),
        (change_at("policy.notice_text", "Another."), "nobody"),
        (
            change_at("categories[3].tools[0].vendor", "Another Ltd"),
            "nobody about “Essential”, which always runs: “Captcha” has another vendor",
        ),
    ],
)
def test_who_is_asked_again_is_said_and_happens(policy, file, edit, expected: str):
    # A visitor who had allowed everything that was there.
    accepted = grant(*OPTIONAL)
    data = data_of()
    edit(data)
    if tool_in(data, "google-analytics").get("recipe") == "adwords":
        tool_in(data, "google-analytics")["parameters"] = {"conversion_id": "AW-123456789"}

    said = imported(data, file, "--delete")

    assert under("Asked again:", said) == [expected]
    assert consent_in(page_request(accepted)).must_ask == (not expected.startswith("nobody"))


def test_tool_that_is_enabled_is_asked_about(policy, file):
    data = data_of()
    Tool.objects.filter(key="chat").update(enabled=False)
    accepted = grant(*OPTIONAL)

    said = imported(data, file)

    assert under("Asked again:", said) == [ALLOWED.format("Functional", "Chat", "is enabled now")]
    assert [new.name for new in consent_in(page_request(accepted)).additions] == ["Chat"]


def test_shorter_lifetime_is_said_to_ask_those_whose_choice_is_older(policy, file):
    data = data_of()
    data["policy"]["lifetime_days"] = 30

    assert under("Asked again:", imported(data, file)) == [
        "visitors who chose 30 days ago or earlier: choices are kept for a shorter time"
    ]


def test_cosmetic_wording_asks_nobody_but_what_is_new_is_told(policy, file):
    data = data_of()
    data["categories"][0]["purpose"] = "The same, said better."
    data["categories"][1]["tools"][0]["vendor"] = "Example Limited"

    assert under("Asked again:", imported(data, file, "--cosmetic")) == ["nobody"]

    add_tool(data)
    assert under("Asked again:", imported(data, file, "--cosmetic")) == [
        ALLOWED.format("Functional", "Talk", "is new")
    ]


def test_all_that_is_new_shares_one_revision(policy, file):
    data = data_of()
    add_tool(data)
    data["categories"][1]["purpose"] = "Something else."
    tool_in(data, "pixel")["vendor"] = "Another Ltd"

    imported(data, file)

    assert Policy.objects.get().revision == policy.revision + 1
    stamps = {
        *Tool.objects.filter(key__in=["talk", "pixel"]).values_list("since", flat=True),
        Category.objects.get(key="marketing-analytics").since,
    }
    assert stamps == {policy.revision + 1}
    assert Tool.objects.get(key="chat").since == 2


def test_edits_after_an_import_have_revisions_of_their_own(policy):
    with policy.one_revision():
        CategoryFactory(policy=policy)
        CategoryFactory(policy=policy)
    before = Policy.objects.get().revision

    CategoryFactory(policy=policy)
    CategoryFactory(policy=policy)

    assert (before, Policy.objects.get().revision) == (policy.revision - 2, before + 2)


def test_first_policy_asks_nobody_again(policy, file):
    data = data_of()
    empty_the_database()

    assert under("Asked again:", imported(data, file)) == [
        "nobody: no policy was in use; visitors are asked when they first come"
    ]


def make_matomo(data: Data) -> None:
    tool = tool_in(data, "google-analytics")
    tool |= {"recipe": "matomo", "parameters": {"matomo_url": "https://m.example", "site_id": "1"}}


def make_essential(data: Data) -> None:
    data["categories"][3]["tools"].append(data["categories"][2]["tools"].pop())


@pytest.mark.parametrize(
    ("edit", "key"),
    [
        (change_at(f"{CHAT}.snippet", "<script>another()</script>"), "chat"),
        (change_at(f"{CHAT}.sources", "img-src https://other.example"), "chat"),
        (make_matomo, "google-analytics"),
        (make_essential, "pixel"),
        (add_tool, "talk"),
    ],
)
def test_file_that_changes_code_is_refused_where_that_is_asked_for(policy, file, edit, key: str):
    data = data_of()
    edit(data)

    (problem,) = refusal(data, file, "--no-code")

    assert problem.startswith(f"tool {key}: this changes which scripts run")
    assert imported(data, file)[-1] == "Imported."


def test_category_that_becomes_essential_is_refused_where_that_is_asked_for(policy, file):
    data = data_of()
    data["categories"][1]["essential"] = True
    key = data["categories"][1]["key"]

    (problem,) = refusal(data, file, "--no-code")

    assert problem.startswith(f"category {key}: this lets its tools run for everybody")
    assert imported(data, file)[-1] == "Imported."


@pytest.mark.parametrize(
    "edit",
    [
        change_at(f"{CHAT}.name", "Renamed"),
        change_at(f"{CHAT}.enabled", False),
        change_at("categories[1].tools[0].parameters.measurement_id", "G-OTHER12345"),
        move_tool,
    ],
)
def test_file_that_changes_no_code_is_taken(policy, file, edit):
    data = data_of()
    edit(data)

    assert imported(data, file, "--no-code")[-1] == "Imported."


def test_policys_row_is_locked_before_anything_is_read(policy, file):
    data = data_of()
    data["policy"]["name"] = "Another"

    with CaptureQueriesContext(connection) as queries:
        imported(data, file)

    statements = [q["sql"] for q in queries if not re.match("SAVEPOINT|RELEASE|BEGIN", q["sql"])]
    assert re.match(r"UPDATE .consent_policy. ", statements[0])


# What is refused


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("format", 2, "2 is not known here; 1 is"),
        ("format", True, "true is not known here"),
        ("policy", [], "Expected a dictionary, but got list"),
        ("policy.key", "Live Chat", "“Live Chat” is not a valid key"),
        ("policy.name", 7, "7: Not a valid string"),
        ("policy.name", "", "This field may not be blank"),
        ("policy.name", " \n", "This field may not be blank"),
        ("policy.name", "x" * 121, "no more than 120 characters"),
        ("policy.name", "a\0b", "Null characters are not allowed"),
        ("policy.name", "a\ud800b", "Surrogate characters are not allowed: U+D800"),
        ("policy.is_default", "yes", "“yes”: Must be a valid boolean"),
        ("policy.regime", "whatever", "“whatever” is not one of: opt_in, implied"),
        ("policy.lifetime_days", 396, "396: Ensure this value is less than or equal to 395"),
        ("policy.lifetime_days", 1.5, "1.5: A valid integer is required"),
        ("policy.lifetime_days", True, "true: A valid integer is required"),
        ("policy.lifetime_days", None, "This field may not be null"),
        ("policy.policy_url", "javascript:x", "“javascript:x” is not a valid address"),
        ("policy.revision", 7, "unknown. Known are: key, name, language"),
        ("categories", {}, "Expected a list of items"),
        ("categories[1]", "x", "Expected a dictionary, but got str"),
        ("categories[1].key", "k" * 33, "no more than 32 characters"),
        ("categories[1].purpose", "", "This field may not be blank"),
        ("categories[1].order", -1, "-1: Ensure this value is greater than or equal to 0"),
        ("categories[1].tools", None, "This field may not be null"),
        ("categories[1].tools[0].since", 3, "unknown. Known are"),
        ("categories[1].tools[0].id", 3, "unknown. Known are"),
        ("categories[1].tools[0].snippet", "<b>x</b>", "a tool with a recipe has none; remove it"),
        ("categories[1].tools[0].placement", "foot", "“foot” is not one of: head, body, manual"),
        ("categories[1].tools[0].enabled", 1, "1: Must be a valid boolean"),
        ("categories[1].tools[0].privacy_url", "x", "“x” is not a valid address"),
        ("categories[1].tools[0].recipe", "gone", "there is no recipe “gone” here"),
        ("categories[1].tools[0].parameters.measurement_id", "UA-1", "“UA-1” is not a valid value"),
        ("categories[1].tools[0].parameters.measurement_id", 7, "Not a valid string"),
        (
            "categories[1].tools[0].parameters.id",
            "x",
            "“id” is not a parameter of Google Analytics",
        ),
        ("categories[1].tools[0].left_out", ["measurement_id"], "is no secret parameter of Google"),
        ("categories[1].tools[0].left_out", [7], "7: Not a valid string"),
        ("categories[1].tools[0].cookies[0].name", "a b", "“a b” is not a valid cookie name"),
        ("categories[1].tools[0].cookies[1].name", "_ga", "“_ga” is that of cookies[0] already"),
        ("categories[1].tools[0].cookies[0].kind", "jar", "“jar” is not one of: cookie, storage"),
        ("categories[0].tools[0].snippet", "<script>", "<script> is opened in line 1 and never"),
        (
            "categories[0].tools[0].snippet",
            "<script></script></i>",
            "</i> in line 1 closes an element that",
        ),
        ("categories[0].tools[0].sources", "img-src *", "Line 1: “*” is no address of a host"),
        (
            "categories[1].tools[0].sources",
            "img-src https://vendor.example",
            "Leave this empty: the recipe knows what its tool loads from",
        ),
        ("categories[1].key", "functional", "“functional” is the key of categories[0] already"),
        ("categories[1].key", "chat", "“chat” is the key of categories[0].tools[0] already"),
        ("categories[1].tools[0].key", "chat", "is the key of categories[0].tools[0] already"),
    ],
)
def test_value_is_refused_with_its_place(policy, file, path: str, value, expected: str):
    data = data_of()
    put_at(data, path, value)

    problems = refusal(data, file, "--delete")

    assert len(problems) == 1
    assert problems[0].startswith(path)
    assert expected in problems[0]


@pytest.mark.parametrize(
    "path",
    [
        "format",
        "policy",
        "categories",
        "policy.regime",
        "categories[1].tools",
        "categories[1].tools[0].enabled",
        "categories[1].tools[0].cookies[0].party",
        "categories[1].tools[0].parameters",
    ],
)
def test_field_that_is_missing_is_named(policy, file, path: str):
    data = data_of()
    *way, last = path.split(".")
    inner = data
    for step in re.findall(r"\w+", ".".join(way)):
        inner = inner[int(step) if step.isdigit() else step]
    del inner[last]

    assert refusal(data, file) == [f"{path}: This field is required."]


def test_tool_with_neither_recipe_nor_snippet_is_refused(policy, file):
    data = data_of()
    del tool_in(data, "chat")["snippet"]

    assert refusal(data, file) == [
        "categories[0].tools[0]: a tool needs a recipe with parameters, or else a snippet, which "
        "is empty where the website's own code loads the tool."
    ]


def test_tool_that_is_only_declared_comes_back_and_is_said_to_be(policy, file):
    sources = "script-src https://cdn.example"
    ToolFactory.create(
        category=policy.categories.get(key="functional"),
        key="bundled",
        name="Bundled",
        snippet="",
        sources=sources,
    )
    data = data_of()
    Tool.objects.filter(key="bundled").delete()

    (problem,) = refusal(data, file, "--no-code")
    said = changes(imported(data, file))

    assert problem.startswith("tool bundled: this changes which scripts run")
    assert said == [
        "+ tool bundled “Bundled” in functional "
        "(vendor “Example Ltd”, only declared, enabled, 0 cookies)"
    ]
    tool = Tool.objects.get(key="bundled")
    assert (tool.snippet, tool.recipe, tool.sources) == ("", "", sources)


def test_parameter_that_is_required_and_missing_is_named(policy, file):
    data = data_of()
    tool_in(data, "google-analytics")["parameters"] = {}

    (problem,) = refusal(data, file)

    assert problem.startswith("categories[1].tools[0].parameters.measurement_id: Measurement ID is")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1, column 1: this is no JSON"),
        ('{"format": 1,\n "policy": }', "line 2, column 12: this is no JSON"),
        ("[]", "the file: Invalid data. Expected a dictionary, but got list."),
        ("null", "the file: This field may not be null."),
        ('{"format": NaN}', "the file: NaN is no JSON; write a number."),
        ('{"format": %s}' % ("9" * 5000), "the file: "),
        ("[" * 100_000, "the file: it is nested too deeply."),
        ("[" * 900 + "]" * 900, "the file: "),
        ('{"format": 1, "format": 1}', "format: 1: it is in the same object twice; keep one."),
        ('{"a\\u0000b": 1}', "a\\x00b: unknown. Known are: format, policy"),
    ],
)
def test_text_that_is_no_file_of_ours_is_refused(file, text: str, expected: str):
    assert refusal(text, file)[0].startswith(expected)


@pytest.mark.parametrize(
    ("old", "place"),
    [
        ('"key": "default"', "policy.key: “default”"),
        ('"tools": [', "categories[0].tools"),
        ('"measurement_id": "G-ABC1234567"', "categories[1].tools[0].parameters.measurement_id"),
    ],
)
def test_name_that_is_in_an_object_twice_is_refused(policy, file, old: str, place: str):
    again = old.replace("[", "[],")
    text = exported().replace(old, f"{again.rstrip(',')}, {old}", 1)

    assert refusal(text, file) == [f"{place}: it is in the same object twice; keep one."]


@pytest.mark.once
@given(
    text=strategies.recursive(
        strategies.none() | strategies.booleans() | strategies.floats() | strategies.text(),
        lambda inner: (
            strategies.lists(inner)
            | strategies.dictionaries(
                strategies.sampled_from(
                    ["format", "policy", "categories", "tools", "key", "cookies"]
                )
                | strategies.text(),
                inner,
            )
        ),
    ).map(json.dumps)
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_json_is_refused_without_a_traceback(text: str, tmp_path_factory):
    assert refusal(text, tmp_path_factory.getbasetemp() / "any.json")


def test_all_problems_are_told_at_once_but_not_without_end(policy, file):
    data = data_of()
    for category in data["categories"]:
        category["purpose"] = ""
    assert [line.split(":")[0] for line in refusal(data, file)] == [
        f"categories[{index}].purpose" for index in range(4)
    ]

    data["categories"] *= 100
    assert refusal(data, file)[-1].startswith("… and ")


def test_more_categories_than_a_cookie_holds_are_refused(policy, file):
    data = data_of()
    for number in range(8):
        add_category(data)
        data["categories"][-1]["key"] = f"new-{number}"
        data["categories"][-1]["order"] = 20 + number

    (problem,) = refusal(data, file)
    assert problem.startswith("categories: 11 are not essential; a policy has at most 10 of them")

    del data["categories"][0]
    (problem,) = refusal(data, file)
    assert "with those that are kept: functional; " in problem
    imported(data, file, "--delete")
    assert Category.objects.filter(essential=False).count() == 10


def test_policy_may_be_replaced_as_a_whole(policy, file):
    data = data_of()
    for category in data["categories"]:
        category["key"] += "-anew"
        for tool in category["tools"]:
            tool["key"] += "-anew"

    imported(data, file, "--delete")

    assert data_of() == data


def test_key_may_change_hands_where_nothing_stays(policy, file):
    data = data_of()
    tool_in(data, "chat")["key"] = "advertising"
    category_in(data, "advertising")["key"] = "chat"

    assert refusal(data, file) == [
        "categories[0].tools[0].key: “advertising” is the key of a category that is here and not "
        "in the file; choose another key, or remove it with --delete.",
        "categories[2].key: “chat” is the key of a tool that is here and not in the file; choose "
        "another key, or remove it with --delete.",
    ]
    imported(data, file, "--delete")
    assert data_of() == data


def test_refusal_of_the_database_leaves_nothing_behind(policy, file):
    data = data_of()
    data["policy"]["name"] = "Another"
    add_tool(data)

    def be_quicker(instance: Tool, **kwargs: Any) -> None:
        Tool.objects.bulk_create([deepcopy(instance)])

    pre_save.connect(be_quicker, sender=Tool)
    try:
        (problem,) = refusal(data, file)
    finally:
        pre_save.disconnect(be_quicker, sender=Tool)
    assert problem.startswith("The database refuses the file: ")


def test_file_that_is_not_there_is_a_plain_error(tmp_path):
    with pytest.raises(CommandError, match=r"Cannot read .*none\.json: No such file"):
        call_command("consent_import", str(tmp_path / "none.json"))


def test_file_that_is_not_utf_8_is_a_plain_error(file):
    file.write_bytes("{é".encode("latin-1"))

    with pytest.raises(CommandError, match=r"is not UTF-8 \(byte 1\)"):
        call_command("consent_import", str(file))


def test_byte_order_mark_does_no_harm(policy, file):
    file.write_bytes(b"\xef\xbb\xbf" + exported().encode())

    call_command("consent_import", str(file), stdout=StringIO())


def test_standard_input_is_read(policy, monkeypatch):
    data = data_of()
    data["policy"]["name"] = "Données"
    text = io.TextIOWrapper(io.BytesIO(json.dumps(data, ensure_ascii=False).encode()), "latin-1")
    monkeypatch.setattr("sys.stdin", text)

    call_command("consent_import", "-", stdout=StringIO())

    assert Policy.objects.get().name == "Données"


def test_site_in_another_language_is_answered_in_one(policy, file, settings):
    settings.LANGUAGE_CODE = "de"
    data = data_of()
    data["policy"]["key"] = "Live Chat"

    assert refusal(data, file)[0].endswith(
        "use small letters, digits and single hyphens, such as live-chat."
    )


# Translations


@pytest.fixture
def translated(policy) -> Policy:
    translate_everything()
    return Policy.objects.get()


def translation_of(data: Data) -> Data:
    return category_in(data, "functional")["translations"]


def test_translations_come_back_to_the_letter(translated, file):
    before, text = meaning(), exported()
    empty_the_database()

    imported(text, file)

    assert meaning() == before
    assert exported() == text
    assert changes(imported(text, file)) == []


def test_file_has_translations_with_the_text_that_was_translated(translated):
    [purpose] = Category.objects.filter(key="functional").values_list("purpose", flat=True)

    assert translation_of(data_of())["de"]["purpose"] == {
        "source": purpose,
        "text": "purpose auf Deutsch",
    }


def test_object_without_translations_has_none_in_the_file(policy):
    assert "translations" not in exported()


def test_changed_translation_is_named_and_asks_nobody(translated, file):
    data = data_of()
    translation_of(data)["de"]["purpose"]["text"] = "Ein anderer Zweck"

    lines = imported(data, file)

    assert changes(lines) == [
        "~ category functional: purpose in de: “purpose auf Deutsch” → “Ein anderer Zweck”"
    ]
    assert under("Asked again:", lines) == ["nobody"]


@pytest.mark.parametrize("delete", [False, True])
def test_language_that_the_file_has_not_stays_unless_it_is_to_be_deleted(translated, file, delete):
    data = data_of()
    translation_of(data)["fr"] = translation_of(data).pop("de")

    lines = imported(data, file, *(["--delete"] if delete else []))

    stored = set(Category.objects.get(key="functional").translations)
    assert stored == ({"fr"} if delete else {"de", "fr"})
    assert ("2 translations into de" in lines) == (not delete)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "Write translations as"),
        ({"DE": {}}, "Write translations as"),
        ({"de": {"purpose": "x"}}, "Write translations as"),
        ({"de": {"purpose": {"text": " ", "source": "x"}}}, "Write translations as"),
        (
            {"de": {"key": {"text": "x", "source": "x"}}},
            "de.key: unknown. Known are: name, purpose.",
        ),
        ({"de": {"name": {"text": "x" * 81, "source": "x"}}}, "de.name: it has 81 characters"),
    ],
)
def test_invalid_translations_are_refused_with_their_place(policy, file, value, expected):
    data = data_of()
    category_in(data, "functional")["translations"] = value

    [problem] = refusal(data, file)

    assert problem.startswith("categories[0].translations: ")
    assert expected in problem


def test_stored_translations_that_are_invalid_do_no_harm(policy, file):
    Category.objects.update(translations=[1])
    data = data_of()

    assert changes(imported(data, file)) == []
