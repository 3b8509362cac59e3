"""`manage.py consent_migrate django-cookie-consent`, on the tables of the real app."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from consent.conf import ConsentSettings
from consent.models import Category, Cookie, Policy, Tool
from tests import cookie_consent_app
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory

pytest.importorskip("cookie_consent")

pytestmark = pytest.mark.django_db

BEGAN = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
KEY = "cookie-consent"


@pytest.fixture(scope="module", autouse=True)
def _tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), cookie_consent_app.tables():
        yield


@pytest.fixture(autouse=True)
def _installed(db: None) -> Iterator[None]:
    with cookie_consent_app.installed():
        yield


@pytest.fixture(autouse=True)
def _own_hosts(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["www.ferry.example"]


def group(varname: str, *names: str, domain: str = "", **fields: Any) -> Any:
    """Make a group with cookies, each a day younger than the one before it."""
    made = _model("CookieGroup").objects.create(varname=varname, **fields)
    for name in names:
        cookie(made, name, domain=domain)
    return made


def cookie(of: Any, name: str, **fields: Any) -> Any:
    model = _model("Cookie")
    made = model.objects.create(cookiegroup=of, name=name, **fields)
    created = BEGAN + timedelta(days=model.objects.filter(cookiegroup=of).count())
    model.objects.filter(pk=made.pk).update(created=created)
    return made


def _model(name: str) -> Any:
    return apps.get_model("cookie_consent", name)


def migrated(*options: str) -> list[str]:
    """Run the command, and return the lines that it prints."""
    out = StringIO()
    call_command("consent_migrate", "django-cookie-consent", *options, stdout=out)
    return out.getvalue().splitlines()


def refusal(*options: str) -> str:
    before = rows()
    with pytest.raises(CommandError) as error:
        migrated(*options)
    assert rows() == before
    return str(error.value)


def lost(lines: list[str]) -> list[str]:
    """Return what cannot be carried over, without what is always said."""
    start = lines.index("Cannot be carried over:") + 2
    end = next(n for n, line in enumerate(lines) if line.startswith("Policy "))
    return [line.strip() for line in lines[start:end]]


def setting(lines: list[str]) -> Any:
    """Return the value of the setting that is printed, as a settings file would have it."""
    text = "\n".join(lines[lines.index("CONSENT_CARRY_OVER = {") :])
    found: dict[str, Any] = {}
    exec(text, found)  # noqa: S102
    assert ConsentSettings.CARRY_OVER.problem(found["CONSENT_CARRY_OVER"]) == ""
    return found["CONSENT_CARRY_OVER"]


def rows() -> list[Any]:
    models = (Policy, Category, Tool, Cookie)
    return [list(model.objects.order_by("pk").values()) for model in models]


def meaning() -> list[Any]:
    """What was made, without when."""
    return [
        list(Category.objects.values_list("key", "name", "purpose", "essential")),
        list(Tool.objects.values_list("category__key", "key", "name", "vendor", "enabled")),
        list(Cookie.objects.values_list("tool__key", "name", "party", "purpose")),
    ]


def a_usual_site() -> None:
    group("required", "sessionid", "csrftoken", name="Needed", is_required=True, ordering=1)
    stats = group("Web_Stats", "_ga", name="Statistics", description="To count.", ordering=3)
    cookie(stats, "_gid", description="Tells visits apart.")
    cookie(stats, "fr", domain=".facebook.com")
    group("video", name="Videos", ordering=2)


def test_groups_become_categories_and_cookies_are_declared_by_tools():
    a_usual_site()

    lines = migrated()

    assert meaning() == [
        [
            ("required", "Needed", "Needed", True),
            ("video", "Videos", "Videos", False),
            ("web-stats", "Statistics", "To count.", False),
        ],
        [
            ("required", "required-own", "Needed", "", True),
            ("video", "video-own", "Videos", "", True),
            ("web-stats", "web-stats-own", "Statistics", "", True),
            ("web-stats", "web-stats-facebook-com", "facebook.com", "facebook.com", True),
        ],
        [
            ("required-own", "csrftoken", "first", ""),
            ("required-own", "sessionid", "first", ""),
            ("web-stats-own", "_ga", "first", ""),
            ("web-stats-own", "_gid", "first", "Tells visits apart."),
            ("web-stats-facebook-com", "fr", "third", ""),
        ],
    ]
    assert all(tool.is_only_declared for tool in Tool.objects.all())
    assert Policy.objects.get().is_default
    assert (
        "  Web_Stats → category web-stats (optional); 3 cookies → "
        "web-stats-own, web-stats-facebook-com"
    ) in lines
    assert lost(lines) == []


def test_first_run_says_who_is_asked():
    PolicyFactory.create()
    group("stats", "_ga")

    first, second = migrated(), migrated()

    who = "  visitors whose choice in django-cookie-consent is not carried over"
    assert first[first.index("Asked again:") + 1] == who
    assert second[second.index("Asked again:") + 1] == "  nobody"


def test_setting_names_version_and_revision_of_each_optional_group():
    a_usual_site()

    found = setting(migrated())

    revision = Policy.objects.get().revision
    assert found["groups"] == {
        "video": ("video", "", revision),
        "Web_Stats": ("web-stats", "2024-03-04T09:30:00+00:00", revision),
    }


def test_version_is_the_one_that_the_other_app_compares_with():
    a_usual_site()

    versions = {name: version for name, (_, version, _) in setting(migrated())["groups"].items()}

    model = _model("CookieGroup")
    assert versions == {each: model.objects.get(varname=each).get_version() for each in versions}


def test_dry_run_prints_the_same_and_changes_nothing():
    a_usual_site()

    before, dry = rows(), migrated("--dry-run")

    assert rows() == before
    assert dry[-1] == "Dry run: nothing was changed."
    real = migrated()
    assert dry[:-1] == real[: len(dry) - 1]
    assert real[len(dry) - 1] == "Imported."


def test_second_run_makes_nothing_twice_and_prints_the_same_setting():
    a_usual_site()
    first, before = setting(migrated()), rows()

    lines = migrated()

    assert rows() == before
    assert "Nothing to do: nothing was changed." in lines
    assert setting(lines) == first


def test_second_run_adds_what_is_new_and_changes_nothing_that_an_editor_wrote():
    a_usual_site()
    migrated()
    tool = Tool.objects.get(key="web-stats-own")
    tool.name, tool.order = "Our own statistics", 7
    tool.save()
    cookie(_model("CookieGroup").objects.get(varname="Web_Stats"), "_gat")
    group("another", "x")

    migrated()

    tool.refresh_from_db()
    assert (tool.name, tool.order) == ("Our own statistics", 7)
    assert set(tool.cookies.values_list("name", flat=True)) == {"_ga", "_gid", "_gat"}
    assert set(Category.objects.values_list("key", flat=True)) == {
        *("required", "video", "web-stats", "another")
    }


def test_cookies_that_another_tool_declares_by_now_are_not_declared_twice():
    group("stats", "_ga")
    migrated()
    tool = ToolFactory.create(category=Category.objects.get(), key="analytics")
    Tool.objects.get(key="stats-own").delete()
    tool.cookies.create(name="_ga")

    lines = migrated()

    assert list(Tool.objects.values_list("key", flat=True)) == ["analytics"]
    assert setting(lines)["groups"]["stats"][2] < tool.since


def test_choices_do_not_cover_a_tool_that_came_later():
    stats = group("stats", "_ga")
    first = setting(migrated())["groups"]["stats"]
    later = ToolFactory.create(category=Category.objects.get(), key="later")
    cookie(stats, "fr", domain="facebook.com")

    second = setting(migrated())["groups"]["stats"]

    assert second[2] == first[2] < later.since
    assert Tool.objects.get(key="stats-facebook-com").since > later.since


@pytest.mark.parametrize(
    "change",
    [
        {"vendor": "Example Ltd"},
        {"snippet": '<script src="https://vendor.example/a.js"></script>'},
        {"sources": "img-src https://vendor.example"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_choices_do_not_cover_another_receiver(change):
    group("stats", "_ga")
    first = setting(migrated())["groups"]["stats"]
    tool = Tool.objects.get()
    for name, value in change.items():
        setattr(tool, name, value)
    tool.save()
    assert tool.since > first[2]

    assert setting(migrated())["groups"]["stats"] == first


def test_choices_do_not_cover_data_that_is_sold():
    group("stats", "_ga")
    migrated()
    category = Category.objects.get()
    category.sale = True
    category.save()

    assert setting(migrated())["groups"] == {}


@pytest.mark.parametrize("purpose", ["To sell it.", "To count. "])
def test_choices_do_not_cover_another_purpose(purpose):
    group("stats", "_ga", description="To count.")
    migrated()
    category = Category.objects.get()
    category.purpose = purpose
    category.save()

    lines = migrated()

    assert setting(lines)["groups"] == {}
    assert len(lost(lines)) == 1


def test_invalid_and_equal_names_get_keys_of_their_own():
    # Names that differ in more than capitals: MariaDB takes them for the same otherwise.
    for varname in ("A_b", "a-b", "A-B_", "__", "x" * 31 + "_", "_" + "X" * 31):
        group(varname, name="Name")

    lines = migrated()

    keys = [key for key, *_ in setting(lines)["groups"].values()]
    assert keys == ["a-b", "a-b-2", "a-b-3", "group", "x" * 31, "x" * 30 + "-2"]
    assert "  A-B_ → category a-b-3 (optional); 0 cookies → a-b-3-own" in lines


def test_keys_stay_when_a_group_comes_before_the_others():
    group("a-b", name="First", ordering=5)
    migrated()
    group("A-B_", name="Second", ordering=1)

    found = setting(migrated())["groups"]

    assert {name: key for name, (key, *_) in found.items()} == {"a-b": "a-b", "A-B_": "a-b-2"}
    assert Category.objects.get(key="a-b").name == "First"


def test_more_groups_than_a_cookie_has_room_for_are_named():
    for number in range(11):
        group(f"Group_{number}")
    group("needed", is_required=True)

    message = refusal()

    assert "11 groups are not required" in message
    assert all(f"Group_{number}" in message for number in range(11))
    assert "needed" not in message


def test_what_cannot_be_carried_over_is_listed(settings):
    settings.COOKIE_CONSENT_OPT_OUT = True
    social = group("social", name="N" * 100, is_deletable=False)
    cookie(social, "*", domain=".facebook.com")
    cookie(social, "a b")
    cookie(social, "c" * 121)
    cookie(social, "d", path="/shop/", description="D" * 301)
    _model("LogItem").objects.create(action=1, cookiegroup=social, version="")

    lines = lost(migrated())

    assert [line.partition(":")[0] for line in lines] == [
        "log items (1)",
        "COOKIE_CONSENT_OPT_OUT",
        "the name of group social is cut after 80 characters",
        "cookie “*” (.facebook.com) of group social cannot be declared",
        "cookie “a b” of group social cannot be declared",
        f"cookie “{'c' * 121}” of group social cannot be declared",
        "the text of cookie “d” of group social is cut after 300 characters",
        "group social",
        "cookie “d” of group social",
    ]
    assert set(Tool.objects.values_list("key", flat=True)) == {"social-own", "social-facebook-com"}
    assert list(Cookie.objects.values_list("name", flat=True)) == ["d"]


def test_domain_of_the_website_itself_is_no_vendor():
    for domain in (".ferry.example", "WWW.ferry.example", "other.example"):
        group(domain.strip(".").partition(".")[0], "a", domain=domain)

    migrated()

    assert list(Tool.objects.values_list("name", "vendor", "cookies__party")) == [
        ("ferry.example", "", "first"),
        ("www.ferry.example", "", "first"),
        ("other.example", "other.example", "third"),
    ]


def test_policy_without_tools_is_replaced_and_one_with_tools_is_not():
    policy = PolicyFactory.create()
    CategoryFactory.create(policy=policy, key="stats")
    group("stats", "_ga")
    migrated()
    assert Policy.objects.get(is_default=True).key == KEY
    Policy.objects.get(key=KEY).delete()
    policy.is_default = True
    policy.save()
    ToolFactory.create(category=policy.categories.get())

    lines = migrated()

    assert Policy.objects.get(is_default=True) == policy
    assert Policy.objects.get(key=KEY).categories.count() == 1
    assert lines[-1].startswith("The policy cookie-consent is not active")


def test_setting_is_printed_once_the_policy_is_active():
    ToolFactory.create()
    group("stats", "_ga")
    migrated()
    policy = Policy.objects.get(key=KEY)
    policy.is_default = True
    policy.save()

    found = setting(migrated())

    assert found["groups"]["stats"][2] == Policy.objects.get(key=KEY).revision


def test_category_that_was_there_stays_and_its_choices_are_not_carried_over():
    CategoryFactory.create(key="stats", purpose="Something else.")
    group("stats", "_ga")

    lines = migrated("--policy", "default")

    assert Category.objects.get().purpose == "Something else."
    assert Tool.objects.get().key == "stats-own"
    assert setting(lines)["groups"] == {}


def test_invalid_key_of_the_policy_is_refused():
    group("stats")

    assert "“No key” is not a valid key" in refusal("--policy", "No key")


def test_app_without_groups_is_refused():
    assert "has no groups" in refusal()


def test_unknown_app_is_refused():
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("consent_migrate", "another-app")


def test_quiet_run_prints_nothing():
    group("stats")

    assert migrated("--verbosity", "0") == []
    assert Category.objects.exists()
