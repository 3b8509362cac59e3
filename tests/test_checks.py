"""Each system check, firing and silent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from csp.middleware import CSPMiddleware
from django import VERSION
from django.core import checks
from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.http import HttpResponse
from django.test import RequestFactory, modify_settings

from consent import events, findings, recipes
from consent.events import delivery as delivering
from consent.middleware import ConsentMiddleware
from consent.models import Category, RegionRule, Tool
from consent.visitor import write_limit
from tests.events.helpers import events_site, time_passes, track
from tests.factories import CategoryFactory, PolicyFactory, ToolFactory
from tests.helpers import put_all_policies_in_use, small_site

pytestmark = pytest.mark.django_db

OURS = "consent.middleware.ConsentMiddleware"
GUARD = "consent.middleware.ConsentCSPMiddleware"
WRITERS = [
    "csp.middleware.CSPMiddleware",
    "tests.test_checks.OwnWriter",
    *(["django.middleware.csp.ContentSecurityPolicyMiddleware"] if VERSION >= (6, 0) else []),
]
PAGE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"
REQUEST_PROCESSOR = "django.template.context_processors.request"

urlpatterns: list[Any] = []


class OwnMiddleware(ConsentMiddleware):
    """A site's own, made from the app's."""


class OwnWriter(CSPMiddleware):
    """A site's own, made from django-csp's."""


def function_middleware(get_response: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    return get_response


def found(*, database: bool = False) -> list[checks.CheckMessage]:
    """Return what the app's checks have to say.

    But for what is said of a policy without tools, as most of them here are (see `test_i025`), and
    of a MIDDLEWARE without that of findings (see tests/findings).
    """
    left_out = ("consent.I025", "consent.W040")
    return [message for message in everything(database=database) if message.id not in left_out]


def everything(*, database: bool = False) -> list[checks.CheckMessage]:
    return checks.run_checks(tags=["consent"], databases=[connection.alias] if database else [])


def ids(*, database: bool = False) -> list[str | None]:
    return [message.id for message in found(database=database)]


@pytest.mark.parametrize("database", [False, True])
def test_demo_site_has_nothing_to_complain_of(database):
    small_site()

    assert found(database=database) == []


def test_every_message_says_what_to_do(settings):
    settings.MIDDLEWARE, settings.TEMPLATES = [], []
    settings.ROOT_URLCONF = "tests.test_checks"

    messages = found(database=True)

    assert len(messages) == 4
    assert all(message.hint for message in messages)


def test_messages_come_once_after_tests_changed_the_installed_apps(settings):
    with modify_settings(INSTALLED_APPS={"append": "django.contrib.humanize"}):
        settings.MIDDLEWARE = []
        assert ids() == ["consent.E001"]


# E001, W002, E003: the middleware


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([], ["consent.E001"]),
        ([PAGE_CACHE], ["consent.E001"]),
        (["tests.test_checks.function_middleware"], ["consent.E001"]),
        (["no.such.module.Middleware"], ["consent.E001"]),
        ([OURS], []),
        (["tests.test_checks.OwnMiddleware"], []),
        (["no.such.module.Middleware", "tests.test_checks.function_middleware", OURS], []),
        ([PAGE_CACHE, OURS], []),
        ([OURS, PAGE_CACHE], ["consent.W002"]),
        ([OURS, OURS], ["consent.E003"]),
        ([OURS, "tests.test_checks.OwnMiddleware"], ["consent.E003"]),
        ([OURS, PAGE_CACHE, OURS], ["consent.E003", "consent.W002"]),
    ],
)
def test_middleware_is_there_once_and_inside_of_the_page_cache(settings, middleware, expected):
    settings.MIDDLEWARE = middleware

    assert ids() == expected


# E016: what extends policies


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ("consent guard writer", []),
        ("consent other guard other writer", []),
        ("consent guard", []),
        ("consent writer", []),
        ("writer consent", []),
        ("guard consent writer", ["consent.E016"]),
        ("consent writer guard", ["consent.E016"]),
        ("writer consent guard", ["consent.E016"]),
        ("writer guard consent", ["consent.E016"] * 2),
        ("guard", ["consent.E001", "consent.E016"]),
    ],
)
def test_what_extends_policies_is_between_consent_and_policies(
    settings, writer, middleware, expected
):
    paths = {
        "consent": OURS,
        "guard": GUARD,
        "writer": writer,
        "other": "tests.test_checks.function_middleware",
    }
    settings.MIDDLEWARE = [paths[name] for name in middleware.split()]

    assert sorted(map(str, ids())) == expected
    assert all(message.hint for message in found())


# E004: the addresses


def test_addresses_are_included(settings):
    settings.ROOT_URLCONF = "tests.test_checks"

    assert ids() == ["consent.E004"]


# E005, E006: the templates

JINJA2 = {"BACKEND": "django.template.backends.jinja2.Jinja2"}
DJANGO = {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
WITH_REQUEST = {**DJANGO, "OPTIONS": {"context_processors": [REQUEST_PROCESSOR]}}


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        ([], ["consent.E005"]),
        ([JINJA2], ["consent.E005"]),
        ([DJANGO], ["consent.E006"]),
        ([{**WITH_REQUEST, "NAME": "one"}, {**DJANGO, "NAME": "two"}], ["consent.E006"]),
        ([WITH_REQUEST], []),
        ([WITH_REQUEST, JINJA2], []),
    ],
)
def test_templates_are_djangos_and_know_the_request(settings, templates, expected):
    settings.TEMPLATES = templates

    assert ids() == expected


# E007: the settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COOKIE_NAME", ""),
        ("COOKIE_NAME", "my consent"),
        ("COOKIE_NAME", "consent;"),
        ("COOKIE_NAME", "zustimmung-ü"),
        ("COOKIE_NAME", None),
        ("COOKIE_NAME", b"consent"),
        ("COOKIE_DOMAIN", ""),
        ("COOKIE_DOMAIN", "example.com; Path=/"),
        ("COOKIE_DOMAIN", "example.com "),
        ("COOKIE_DOMAIN", 7),
        ("COOKIE_PATH", ""),
        ("COOKIE_PATH", "shop/"),
        ("COOKIE_PATH", "/;"),
        ("COOKIE_PATH", None),
        ("COOKIE_SAMESITE", "None"),
        ("COOKIE_SAMESITE", "lax"),
        ("COOKIE_SAMESITE", None),
        ("COOKIE_SAMESITE", False),
        ("COOKIE_SAMESITE", []),
        ("COOKIE_PARTITIONED", True),
        ("COOKIE_PARTITIONED", "no"),
        ("COOKIE_SECURE", "yes"),
        ("COOKIE_SECURE", "False"),
        ("POLICY_MAX_AGE", -1),
        ("POLICY_MAX_AGE", "5"),
        ("POLICY_MAX_AGE", None),
        ("POLICY_MAX_AGE", True),
        ("POLICY_MAX_AGE", float("nan")),
        ("DELIVERY", "cached"),
        ("DELIVERY", None),
        ("RECORDS", "yes"),
        ("RECORDS", None),
        ("RECORD_USER", 1),
        ("LOGIN_SYNC", True),
        ("LOGIN_SYNC", None),
        ("RETENTION_DAYS", 0),
        ("RETENTION_DAYS", "3y"),
        ("RETENTION_DAYS", float("nan")),
        ("EVENTS_ATTEMPTS", 0),
        ("EVENTS_ATTEMPTS", "12"),
        ("EVENTS_RETENTION_DAYS", -1),
        ("EVENTS_TIMEOUT", 0),
        ("EVENTS_TIMEOUT", None),
        ("EVENTS_HOSTS", "localhost"),
        ("EVENTS_TRUSTED_HOSTS", "localhost"),
        ("EVENTS_TRUSTED_HOSTS", [""]),
        ("EVENTS_TRUSTED_HOSTS", [7]),
        ("SUBJECT_COOKIE_NAME", "a b"),
        ("SUBJECT_COOKIE_NAME", "consent"),
        ("SUBJECT_COOKIE_PATH", ""),
        ("SUBJECT_COOKIE_PATH", "consent/"),
        ("THROTTLE_RATE", "120"),
        ("THROTTLE_RATE", "0/min"),
        ("THROTTLE_RATE", "120/fortnight"),
        ("THROTTLE_RATE", "-1/min"),
        ("THROTTLE_RATE", ""),
        ("THROTTLE_RATE", 120),
    ],
)
def test_setting_that_cannot_work_is_named_with_its_value(settings, name, value):
    setattr(settings, f"CONSENT_{name}", value)

    (message,) = found()

    assert message.id == "consent.E007"
    assert message.msg.startswith(f"CONSENT_{name} is {value!r}; it has to be ")


@pytest.mark.parametrize(
    "values",
    [
        {"COOKIE_NAME": "__Host-consent"},
        {"COOKIE_DOMAIN": None},
        {"COOKIE_DOMAIN": ".example.com"},
        {"COOKIE_PATH": "/shop/"},
        {"COOKIE_SAMESITE": "Strict"},
        {"COOKIE_SAMESITE": "None", "COOKIE_SECURE": True},
        {"COOKIE_PARTITIONED": True, "COOKIE_SAMESITE": "None", "COOKIE_SECURE": True},
        {"COOKIE_SECURE": False},
        {"POLICY_MAX_AGE": 0},
        {"POLICY_MAX_AGE": 0.5},
        {"DELIVERY": "server"},
        {"DELIVERY": "cacheable"},
        {"RECORDS": False},
        {"RECORD_USER": True},
        {"LOGIN_SYNC": True, "RECORD_USER": True},
        {"RETENTION_DAYS": 30},
        {"SIGNING_KEYS": ["new", b"old"]},
        {"SIGNING_KEYS": None},
        {"EVENTS_ATTEMPTS": 3, "EVENTS_RETENTION_DAYS": 1, "EVENTS_TIMEOUT": 0.5},
        {"EVENTS_HOSTS": ["hooks.example"]},
        {"EVENTS_TRUSTED_HOSTS": ("localhost", "10.0.0.7:8000")},
        {"SUBJECT_COOKIE_NAME": "who"},
        {"SUBJECT_COOKIE_PATH": "/"},
        {"THROTTLE_RATE": None},
        {"THROTTLE_RATE": "5/s"},
        {"THROTTLE_RATE": "1000/day"},
    ],
)
def test_setting_that_works_is_passed_over(settings, values):
    for name, value in values.items():
        setattr(settings, f"CONSENT_{name}", value)

    # That hosts share a choice is said, but not wrong.
    assert set(ids()) <= {"consent.I029"}


@pytest.mark.parametrize("keys", ["one text", ["", "old"], [7]])
def test_signing_keys_that_are_none_are_not_told(settings, keys):
    settings.CONSENT_SIGNING_KEYS = keys

    (message,) = found()

    assert message.id == "consent.E007"
    assert "CONSENT_SIGNING_KEYS" in message.msg
    assert "one text" not in message.msg
    assert "old" not in message.msg


@pytest.mark.parametrize("rate", ["5/s", "7/sec", "7/second", "9/m", "9/min", "9/hour", "1/day"])
def test_rates_that_pass_are_those_that_the_limit_reads(settings, rate):
    settings.CONSENT_THROTTLE_RATE = rate
    request = RequestFactory().get("/")

    assert ids() == []
    allowed = [write_limit.seconds_to_wait(request) for _ in range(10)].count(0)
    assert allowed == int(rate.partition("/")[0])


# E008: the catalogue


def test_broken_recipe_is_named_with_its_file(tmp_path: Path, monkeypatch):
    (tmp_path / "broken-tool.toml").write_text('name = "Broken"\n')
    monkeypatch.setattr(recipes, "directories", lambda: [tmp_path])

    (message,) = found()

    assert message.id == "consent.E008"
    assert "broken-tool.toml" in message.msg


def test_recipes_that_come_with_the_app_are_whole():
    assert recipes.problems() == []


# W010, E011 to E015: what is stored


def test_nothing_stored_is_looked_at_unless_asked_for():
    assert ids() == []
    assert ids(database=True) == ["consent.W010"]


def test_other_databases_are_passed_over():
    assert checks.run_checks(tags=["consent"], databases=["elsewhere"]) == []


def test_no_policy_in_use_is_a_warning():
    PolicyFactory(spare=True)

    assert ids(database=True) == ["consent.W010"]


def test_two_policies_in_use_are_an_error_that_names_them():
    PolicyFactory()
    PolicyFactory(spare=True, key="another")
    put_all_policies_in_use()

    (message,) = found(database=True)

    assert message.id == "consent.E011"
    assert "default, another" in message.msg


def test_recipe_that_is_gone_is_named():
    ToolFactory(by_recipe=True, key="old-tool")
    Tool.objects.update(recipe="gone-by")

    (message,) = found(database=True)

    assert message.id == "consent.E012"
    assert "gone-by" in message.msg
    assert "old-tool" in message.msg


@pytest.mark.parametrize("parameters", [{}, {"measurement_id": "<script>"}, {"unknown": "x"}])
def test_tool_that_does_not_fit_its_recipe_is_named(parameters):
    ToolFactory(by_recipe=True, key="old-tool")
    Tool.objects.update(parameters=parameters)

    (message,) = found(database=True)

    assert message.id == "consent.E013"
    assert "old-tool" in message.msg


@pytest.mark.parametrize("parameters", [[], "text", 7, True])
def test_parameters_that_are_no_parameters_are_an_error_too(parameters):
    ToolFactory(by_recipe=True)
    Tool.objects.update(parameters=parameters)

    assert ids(database=True) == ["consent.E013"]


@pytest.mark.parametrize(
    "snippet", ["<script>never closed", "<!-- <b>x</b>", "no element", "<b>x</b>"]
)
def test_snippet_that_would_damage_the_page_is_named(snippet):
    ToolFactory(key="pasted")
    Tool.objects.update(snippet=snippet)

    (message,) = found(database=True)

    assert message.id == "consent.E014"
    assert "pasted" in message.msg


def test_more_categories_than_the_cookie_holds_are_an_error():
    for _ in range(10):
        CategoryFactory()
    CategoryFactory(essential=True)
    assert ids(database=True) == []

    CategoryFactory()
    assert ids(database=True) == ["consent.E015"]


def test_categories_of_a_policy_that_is_not_in_use_do_not_count():
    PolicyFactory()
    spare = PolicyFactory(spare=True)
    for _ in range(11):
        CategoryFactory(policy=spare)

    assert Category.objects.count() == 11
    assert ids(database=True) == []


def with_tool(recipe: str, *types: str) -> None:
    """Make a policy whose one category has these signals, and a tool of it."""
    category = CategoryFactory(consent_types=" ".join(types))
    ToolFactory(category=category, key="heard", by_recipe=True, recipe=recipe)


@pytest.mark.parametrize(
    ("recipe", "types"),
    [
        ("microsoft-uet", ["ad_storage"]),
        # They listen to no signal, whatever Consent Mode would call what they do.
        ("amplitude", []),
        ("webhooks", []),
    ],
)
def test_signals_that_categories_have_are_passed_over(recipe, types):
    with_tool(recipe, *types)

    assert ids(database=True) == []


def test_signals_that_no_category_has_are_named_with_the_tool():
    with_tool("adwords", "ad_storage")
    CategoryFactory(policy=PolicyFactory(spare=True), consent_types="ad_user_data")

    (message,) = found(database=True)
    assert message.id == "consent.W017"
    assert "heard" in message.msg
    assert "ad_user_data, ad_personalization." in message.msg
    assert "ad_storage" not in message.msg


def test_signals_of_a_tool_that_does_not_run_are_nobodys_concern():
    with_tool("adwords")
    Tool.objects.update(enabled=False)

    assert ids(database=True) == []


def with_rule(regions: str, regime: str = "implied") -> None:
    RegionRule.objects.create(policy=PolicyFactory(), regions=regions, regime=regime)


def test_rules_for_regions_need_something_that_says_where_visitors_are(settings):
    with_rule("US")

    (message,) = found(database=True)
    assert message.id == "consent.W019"
    assert "CONSENT_REGION" in message.msg
    settings.CONSENT_REGION = "cloudflare"
    assert ids(database=True) == []


def test_rule_that_says_what_holds_anyway_needs_nothing():
    with_rule("DE", "opt_in")

    assert ids(database=True) == []


def test_rule_for_what_is_no_region_is_named(settings):
    settings.CONSENT_REGION = "cloudflare"
    # As a file that was loaded past the admin has it.
    with_rule("CH uk EU")

    (message,) = found(database=True)
    assert message.id == "consent.E018"
    assert "UK, EU" in message.msg
    assert "CH" not in message.msg


def test_w024_missing_tables_need_migrate():
    def fail(*arguments: Any) -> None:
        raise ProgrammingError("There is no such table.")

    with connection.execute_wrapper(fail):
        (message,) = found(database=True)

    assert message.id == "consent.W024"
    assert "There is no such table." in message.msg
    assert "manage.py migrate" in message.hint


def test_i025_policy_without_tools_asks_nobody():
    category = CategoryFactory(policy=PolicyFactory(is_default=True))
    essential = CategoryFactory(policy=category.policy, essential=True)
    ToolFactory(category=essential, enabled=True)
    ToolFactory(category=category, enabled=False)

    (message,) = everything(database=True)
    assert message.id == "consent.I025"
    assert not message.is_serious(checks.WARNING)
    assert f"The policy {category.policy.key} asks no visitor" in message.msg

    ToolFactory(category=category, enabled=True)
    assert everything(database=True) == []


# W023: the template around the app's pages

BASE = "<main>{% block main %}{% endblock %}</main>"


@pytest.mark.parametrize(
    ("template", "is_right"),
    [
        ("<main>{% block content %}{% endblock %}</main>", True),
        ("{% if request %}{% block content %}{% endblock %}{% endif %}", True),
        ("<main>{% block main %}{% endblock %}</main>", False),
        ("<main></main>", False),
        (
            '{% extends "site.html" %}'
            "{% block main %}{% block content %}{% endblock %}{% endblock %}",
            True,
        ),
        ('{% extends "site.html" %}{% block content %}{% endblock %}', False),
        ('{% extends "site.html" %}', False),
        # What is known only with a request, or is wrong anyway, is for rendering to say.
        ("{% extends parent %}", True),
        ("{% block %}", True),
    ],
)
def test_w023_pages_need_a_block_for_their_content(settings, template, is_right):
    (engine,) = settings.TEMPLATES
    loader = (
        "django.template.loaders.locmem.Loader",
        {"consent/base.html": template, "site.html": BASE},
    )
    options = {**engine["OPTIONS"], "loaders": [loader]}
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]

    assert ids() == ([] if is_right else ["consent.W023"])


def test_check_command_knows_the_apps_tag(capsys):
    call_command("check", "--tag", "consent", "--database", connection.alias)

    assert "consent.W010" in capsys.readouterr().err


# Events


@pytest.mark.parametrize(
    ("backend", "part"),
    [
        ("nothing", "nothing"),
        ("default", "ImmediateBackend does not work in the background"),
    ],
)
def test_e020_tasks_that_are_no_background(settings, backend, part):
    settings.CONSENT_EVENTS_TASKS = backend

    (message,) = found()

    assert message.id == "consent.E020"
    assert part in message.msg


def test_e020_no_library_for_tasks(settings, monkeypatch):
    settings.CONSENT_EVENTS_TASKS = "default"
    monkeypatch.setattr("consent.tasking.LIBRARIES", ())

    (message,) = found()

    assert message.id == "consent.E020"
    assert "no library for tasks" in message.msg


def test_w021_nothing_that_sends_is_installed(monkeypatch):
    events_site()
    assert "consent.W021" not in ids(database=True)
    monkeypatch.setattr(delivering, "can_send", lambda: False)

    (message,) = found(database=True)

    assert message.id == "consent.W021"
    assert "webhooks" in message.msg


def test_w022_nobody_delivers():
    events_site()
    track()
    assert "consent.W022" not in ids(database=True)
    time_passes(minutes=12)

    (message,) = found(database=True)

    assert message.id == "consent.W022"
    assert "12 minutes" in message.msg


# W033: choices from django-cookie-consent


CARRIES = "consent.carry_over.CookieConsentMiddleware"
CARRIED = {"on": "2026-11-30", "groups": {"stats": ("stats", "", 1)}}


@pytest.mark.parametrize(
    ("middleware", "value", "name", "part"),
    [
        ([OURS, CARRIES], CARRIED, "cookie_consent", ""),
        ([OURS], None, "consent", ""),
        ([OURS], CARRIED, "cookie_consent", f"'{CARRIES}' is not in MIDDLEWARE"),
        ([OURS, CARRIES], None, "cookie_consent", "CONSENT_CARRY_OVER is not set"),
        ([CARRIES, OURS], CARRIED, "cookie_consent", f"is not after '{OURS}'"),
        ([OURS, CARRIES], CARRIED, "consent", "both apps call their cookie “consent”"),
    ],
)
def test_w033_choices_are_not_carried_over(settings, middleware, value, name, part):
    settings.MIDDLEWARE, settings.CONSENT_CARRY_OVER = middleware, value
    settings.COOKIE_CONSENT_NAME = name

    messages = [message for message in found() if message.id == "consent.W033"]

    assert [part in message.msg for message in messages] == ([True] if part else [])


def test_every_id_is_documented():
    documented = (Path(__file__).resolve().parents[1] / "docs" / "checks.md").read_text()
    folder = Path(recipes.__file__).resolve().parents[1].joinpath("checks")
    apart = (Path(app.__file__).with_name("checks.py") for app in (events, findings))
    files = [*folder.glob("*.py"), *apart]
    source = "".join(path.read_text() for path in files)

    known = {f"consent.{kind}{n:03}" for kind in "EIW" for n in range(1, 100)}
    in_code = {name for name in known if f'id="{name}"' in source}

    assert len(in_code) == 35
    assert {name for name in known if name in documented} == in_code


def test_i026_tool_adds_hosts_that_are_known_as_ways_round_a_policy(settings):
    settings.MIDDLEWARE = [OURS, GUARD]
    category = CategoryFactory(policy=PolicyFactory(is_default=True))
    for key, sources in {
        "open": "script-src https://www.google.com https://*.googletagmanager.com https://a.example",
        "narrow": "script-src https://www.google.com/recaptcha/ https://google.com.example",
        "picture": "img-src https://www.google.com",
    }.items():
        ToolFactory(category=category, key=key, enabled=True, sources=sources)

    (message,) = found(database=True)
    assert message.id == "consent.I026"
    assert message.msg == (
        "The tool open adds hosts to script-src from which anybody can load a script of their "
        "own: https://www.google.com, https://*.googletagmanager.com."
    )

    settings.MIDDLEWARE = [OURS]
    assert found(database=True) == []


# E028, I029: cookies


HOST_ONLY = {"CONSENT_COOKIE_NAME": "__Host-consent"}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({**HOST_ONLY, "CONSENT_COOKIE_DOMAIN": "example.com"}, "CONSENT_COOKIE_DOMAIN"),
        ({**HOST_ONLY, "CONSENT_COOKIE_PATH": "/shop/"}, "CONSENT_COOKIE_PATH"),
        ({"CONSENT_SUBJECT_COOKIE_NAME": "__Host-subject"}, "CONSENT_SUBJECT_COOKIE_PATH"),
    ],
)
def test_e028_browsers_refuse_the_cookie(settings, values, named):
    for name, value in values.items():
        setattr(settings, name, value)

    message = next(message for message in found() if message.id == "consent.E028")

    assert named in message.msg


def test_name_of_one_host_passes(settings):
    settings.CONSENT_COOKIE_NAME, settings.CONSENT_SUBJECT_COOKIE_NAME = (
        "__Host-consent",
        "__Host-subject",
    )
    settings.CONSENT_SUBJECT_COOKIE_PATH = "/"

    assert ids() == []


def test_i029_hosts_share_a_choice(settings):
    settings.CONSENT_COOKIE_DOMAIN = "example.com"

    (message,) = found()

    assert message.id == "consent.I029"
    assert "example.com" in message.msg


# I030: proxies


PROXY = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}


@pytest.mark.parametrize("values", [PROXY, {"USE_X_FORWARDED_HOST": True}])
def test_i030_number_of_proxies_is_not_known(settings, values):
    for name, value in values.items():
        setattr(settings, name, value)

    (message,) = found()

    assert message.id == "consent.I030"
    assert next(iter(values)) in message.msg


@pytest.mark.parametrize(
    "values", [{"REST_FRAMEWORK": {"NUM_PROXIES": 0}}, {"CONSENT_THROTTLE_RATE": None}]
)
def test_i030_is_silent_where_it_is_known_or_makes_no_difference(settings, values):
    for name, value in {**PROXY, **values}.items():
        setattr(settings, name, value)

    assert ids() == []
