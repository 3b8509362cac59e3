"""System checks for what people forget. Each has a stable id; docs/checks.md lists them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import Error as DatabaseFailure
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from consent import recipes, regions
from consent.conf import conf
from consent.events import delivering
from consent.events.tasks import deliver
from consent.models import Category, Policy, RegionRule, Tool
from consent.models.policies import parameter_errors
from consent.recipes import snippets
from consent.recipes.keys import MAX_CATEGORIES
from consent.regions import locating
from consent.tasking import NoLibraryError, required_task

MIDDLEWARE = "consent.middleware.ConsentMiddleware"
CSP_MIDDLEWARE = "consent.middleware.ConsentCSPMiddleware"
REQUEST_PROCESSOR = "django.template.context_processors.request"
# A token in RFC 9110's sense (5.6.2), as a cookie's name must be.
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RATE = re.compile(r"[1-9][0-9]*/(s|sec|second|m|min|minute|h|hour|d|day)")

# Keeps pages for other visitors: the consent middleware has to be inside of it, so that its
# `Vary` is there when the page is stored.
_PAGE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"

# Django's own (6.0 and newer), and django-csp's.
_WRITE_POLICIES = (
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "csp.middleware.CSPMiddleware",
)

# What runs a task where it is enqueued, or never.
_FOREGROUND = ("ImmediateBackend", "DummyBackend")


def check_middleware(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E001: middleware missing. consent.W002: in the wrong order. consent.E003: twice."""
    paths = list(settings.MIDDLEWARE)
    positions = [index for index, path in enumerate(paths) if _is_ours(path)]
    if not positions:
        yield Error(
            "The consent middleware is missing, so no visitor's choice is read.",
            hint=f"Add '{MIDDLEWARE}' to MIDDLEWARE.",
            id="consent.E001",
        )
        return
    if len(positions) > 1:
        yield Error(
            "The consent middleware is in MIDDLEWARE more than once.",
            hint=f"Keep one '{MIDDLEWARE}'.",
            id="consent.E003",
        )
    if _PAGE_CACHE in paths[positions[0] :]:
        yield Warning(
            f"'{MIDDLEWARE}' is before '{_PAGE_CACHE}', so a page of one "
            "visitor may be kept for another.",
            hint=f"Move it somewhere after '{_PAGE_CACHE}'.",
            id="consent.W002",
        )


def check_csp_middleware(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E016: the middleware that extends policies is not between consent and policies."""
    paths = list(settings.MIDDLEWARE)
    ours = [index for index, path in enumerate(paths) if _is_a(path, CSP_MIDDLEWARE)]
    if not ours:
        return
    if not any(_is_ours(path) for path in paths[: ours[0]]):
        yield Error(
            f"'{CSP_MIDDLEWARE}' is not after '{MIDDLEWARE}', so it knows no visitor's choice.",
            hint=f"Move it somewhere after '{MIDDLEWARE}'.",
            id="consent.E016",
        )
    for path in paths[: ours[-1]]:
        if _is_a(path, *_WRITE_POLICIES):
            yield Error(
                f"'{CSP_MIDDLEWARE}' is after '{path}', so it never sees the policy that this "
                "writes, and browsers block the tools that a visitor allows.",
                hint=f"Move '{path}' somewhere after '{CSP_MIDDLEWARE}'.",
                id="consent.E016",
            )


def _is_ours(path: str) -> bool:
    return _is_a(path, MIDDLEWARE)


def _is_a(path: str, *wanted: str) -> bool:
    """Say whether ``path`` leads to one of the ``wanted`` classes, or to one made from it."""
    try:
        found = import_string(path)
    except ImportError:
        return False
    bases = found.__mro__ if isinstance(found, type) else ()
    return any(f"{base.__module__}.{base.__qualname__}" in wanted for base in bases)


def check_urls(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E004: the app's URLs are not included."""
    try:
        reverse("consent:preferences")
    except NoReverseMatch:
        yield Error(
            "The app's URLs are not included, so no visitor can choose.",
            hint="Add path('consent/', include('consent.urls')) to ROOT_URLCONF.",
            id="consent.E004",
        )


def check_templates(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E005: no DjangoTemplates engine. consent.E006: no request in templates."""
    django_engines = [engine for engine in engines.all() if isinstance(engine, DjangoTemplates)]
    if not django_engines:
        yield Error(
            "TEMPLATES has no DjangoTemplates engine; the notice and the preferences need one.",
            hint="Add one with APP_DIRS, also where your own pages are Jinja2 templates.",
            id="consent.E005",
        )
    for engine in django_engines:
        if REQUEST_PROCESSOR not in engine.engine.context_processors:
            yield Error(
                f"Templates of the engine '{engine.name}' do not know the request, so the consent "
                "tags cannot know the visitor.",
                hint=f"Add '{REQUEST_PROCESSOR}' to its context_processors.",
                id="consent.E006",
            )


def check_settings(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E007: a setting has a value that cannot work."""
    samesite, secure, domain = conf.COOKIE_SAMESITE, conf.COOKIE_SECURE, conf.COOKIE_DOMAIN
    rules: Sequence[tuple[str, object, bool, str]] = (
        ("COOKIE_NAME", conf.COOKIE_NAME, _is_token(conf.COOKIE_NAME), "a cookie name"),
        (
            "COOKIE_DOMAIN",
            domain,
            domain is None or _is_text(domain),
            "None or a domain such as 'example.com'",
        ),
        (
            "COOKIE_PATH",
            conf.COOKIE_PATH,
            _is_path(conf.COOKIE_PATH),
            "a path that starts with /",
        ),
        (
            "COOKIE_SAMESITE",
            samesite,
            samesite in ("Lax", "Strict") or (samesite == "None" and secure is True),
            "'Lax', 'Strict', or 'None' together with CONSENT_COOKIE_SECURE = True",
        ),
        (
            "DELIVERY",
            conf.DELIVERY,
            conf.DELIVERY in ("server", "cacheable"),
            "'server' or 'cacheable'",
        ),
        ("COOKIE_SECURE", secure, secure in (None, True, False), "True, False or None"),
        (
            "POLICY_MAX_AGE",
            conf.POLICY_MAX_AGE,
            _is_number(conf.POLICY_MAX_AGE) and conf.POLICY_MAX_AGE >= 0,
            "a number of seconds, 0 or more",
        ),
        ("DNT", conf.DNT, isinstance(conf.DNT, bool), "True or False"),
        *_event_rules(),
        (
            "REGION",
            conf.REGION,
            locating.is_usable(),
            f"one of {', '.join(map(repr, (*locating.PRESETS, *locating.FUNCTIONS)))}, a dict with "
            "the name of a header as 'country', or a function of the request (or its dotted path)",
        ),
        ("RECORDS", conf.RECORDS, isinstance(conf.RECORDS, bool), "True or False"),
        ("RECORD_USER", conf.RECORD_USER, isinstance(conf.RECORD_USER, bool), "True or False"),
        (
            "LOGIN_SYNC",
            conf.LOGIN_SYNC,
            conf.LOGIN_SYNC is False
            or (conf.LOGIN_SYNC is True and conf.RECORDS is True and conf.RECORD_USER is True),
            "False, or True together with CONSENT_RECORDS and CONSENT_RECORD_USER",
        ),
        (
            "RETENTION_DAYS",
            conf.RETENTION_DAYS,
            _is_number(conf.RETENTION_DAYS) and conf.RETENTION_DAYS >= 1,
            "a number of days, 1 or more",
        ),
        (
            "SUBJECT_COOKIE_NAME",
            conf.SUBJECT_COOKIE_NAME,
            _is_token(conf.SUBJECT_COOKIE_NAME) and conf.SUBJECT_COOKIE_NAME != conf.COOKIE_NAME,
            "a cookie name, another one than CONSENT_COOKIE_NAME",
        ),
        (
            "SUBJECT_COOKIE_PATH",
            conf.SUBJECT_COOKIE_PATH,
            conf.SUBJECT_COOKIE_PATH is None or _is_path(conf.SUBJECT_COOKIE_PATH),
            "None or a path that starts with /",
        ),
        # Not its value: it is a secret.
        ("SIGNING_KEYS", "set", _are_keys(conf.SIGNING_KEYS), "None or a list of secret texts"),
        (
            "THROTTLE_RATE",
            conf.THROTTLE_RATE,
            conf.THROTTLE_RATE is None or _is_rate(conf.THROTTLE_RATE),
            "None or a rate such as '120/min'",
        ),
    )
    for name, value, holds, expected in rules:
        if not holds:
            yield Error(f"CONSENT_{name} is {value!r}; it has to be {expected}.", id="consent.E007")


def _event_rules() -> Iterator[tuple[str, object, bool, str]]:
    """Yield what the settings of events have to be, each as `check_settings` has its rules."""
    for name, unit in (
        ("EVENTS_ATTEMPTS", "attempts"),
        ("EVENTS_RETENTION_DAYS", "days"),
        ("EVENTS_TIMEOUT", "seconds"),
    ):
        value = getattr(conf, name)
        yield name, value, _is_number(value) and value > 0, f"a number of {unit}, more than 0"
    only, trusted = conf.EVENTS_HOSTS, conf.EVENTS_TRUSTED_HOSTS
    expected = "a list of hosts, such as ['localhost:8001']"
    yield "EVENTS_HOSTS", only, only is None or _are_hosts(only), f"None or {expected}"
    yield "EVENTS_TRUSTED_HOSTS", trusted, _are_hosts(trusted), expected


def check_tasks(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E020: CONSENT_EVENTS_TASKS names nothing that delivers in the background."""
    problem = "" if conf.EVENTS_TASKS is None else _task_problem(conf.EVENTS_TASKS)
    if problem:
        yield Error(
            f"CONSENT_EVENTS_TASKS is {conf.EVENTS_TASKS!r}: {problem}",
            hint="Name a backend of TASKS that has a worker, or leave the setting away and run "
            "'manage.py consent_deliver --watch'.",
            id="consent.E020",
        )


def _task_problem(alias: str) -> str:
    try:
        backend = required_task(getattr(deliver, "func", deliver), alias).get_backend()
    except NoLibraryError:
        return "there is no library for tasks; Django has one from 6.0 on, before it django-tasks."
    except Exception as error:
        # Whatever a backend makes of its options.
        return f"it cannot be used. {error}"
    if type(backend).__name__ in _FOREGROUND:
        return f"{type(backend).__name__} does not work in the background: visitors would wait."
    return ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and not re.search(r"[\s;,]", value)


def _are_hosts(value: object) -> bool:
    return isinstance(value, list | tuple | set) and all(map(_is_text, value))


def _is_path(value: object) -> bool:
    return isinstance(value, str) and _is_text(value) and value.startswith("/")


def _are_keys(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(key, str | bytes) and key for key in value
    )


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _is_rate(value: object) -> bool:
    return isinstance(value, str) and _RATE.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_recipes(**kwargs: Any) -> Iterator[CheckMessage]:
    """consent.E008: a file of the catalogue is broken."""
    for problem in recipes.problems():
        yield Error(
            f"A recipe is broken, and no tool with a recipe runs: {problem}",
            hint="Mend or remove the file.",
            id="consent.E008",
        )


def check_policies(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> Iterator[CheckMessage]:
    """Look at what is stored; only with ``check --database``, and whenever ``migrate`` runs.

    consent.W010: no policy is in use. consent.E011: more than one is. consent.E012: a tool's
    recipe is gone. consent.E013: a tool does not fit its recipe. consent.E014: a snippet would
    damage the page. consent.E015: too many optional categories. consent.W017: a tool listens to
    signals that no category has. consent.W021, consent.W022: events cannot be, or are not,
    delivered. consent.E018: a rule names what is no region. consent.W019: rules
    for regions, and nothing says where visitors are.
    """
    if not databases or Policy.objects.db not in databases:
        return
    try:
        yield from [
            *_stored_policies(),
            *_stored_rules(),
            *_stored_tools(),
            *_unclaimed_signals(),
            *_undelivered_events(),
        ]
    except DatabaseFailure:
        # The tables are not there yet: `migrate` is about to make them.
        return


def _stored_policies() -> Iterator[CheckMessage]:
    in_use = list(Policy.objects.in_use())
    if not in_use:
        yield Warning(
            "No policy is in use, so only a page without tools is served.",
            hint="Run 'manage.py consent_init', or tick “in use” on a policy in the admin.",
            id="consent.W010",
        )
    if len(in_use) > 1:
        names = ", ".join(policy.key for policy in in_use)
        yield Error(
            f"More than one policy is in use: {names}. The website follows {in_use[0].key}.",
            hint="Untick “in use” on the others in the admin.",
            id="consent.E011",
        )
    for policy in in_use:
        if policy.categories.filter(essential=False).count() > MAX_CATEGORIES:
            yield Error(
                f"The policy {policy.key} has more than {MAX_CATEGORIES} categories that are not "
                "essential: the preference cookie cannot hold a choice about each.",
                hint="Merge some of them.",
                id="consent.E015",
            )


def _stored_rules() -> Iterator[CheckMessage]:
    followed = Policy.objects.followed()
    rules = RegionRule.objects.filter(policy__in=followed).select_related("policy")
    for rule in rules:
        if codes := list(regions.unknown(rule.regions)):
            yield Error(
                f"A rule of the policy {rule.policy.key} holds nowhere for what is no region: "
                f"{', '.join(codes)}.",
                hint="Mend it in the admin: countries (GB), their parts (US-CA) or groups (EEA).",
                id="consent.E018",
            )
    if not conf.REGION and any(rule.regime != rule.policy.regime for rule in rules):
        yield Warning(
            "There are rules for regions, but CONSENT_REGION does not say where visitors are: the "
            "strictest of what may hold holds for everybody.",
            hint="Set CONSENT_REGION to what your proxy says, or delete the rules.",
            id="consent.W019",
        )


def _undelivered_events() -> Iterator[CheckMessage]:
    if recipes.problems():
        return
    servers = [recipe.key for recipe in recipes.catalogue().values() if recipe.kind == "server"]
    tools = Tool.objects.filter(enabled=True, recipe__in=servers).values_list("key", flat=True)
    if tools and not delivering.can_send():
        yield Warning(
            f"No event reaches these tools: {', '.join(tools)}. httpcore, which sends, is missing.",
            hint="pip install 'django-consent-tools[events]'",
            id="consent.W021",
        )
    elif (waited := delivering.overdue()) is not None:
        yield Warning(
            f"Events are not being delivered: one has been due for "
            f"{waited.total_seconds() / 60:.0f} minutes.",
            hint="Run 'manage.py consent_deliver --watch', or a worker for CONSENT_EVENTS_TASKS.",
            id="consent.W022",
        )


def _stored_tools() -> Iterator[CheckMessage]:
    if recipes.problems():
        return
    for tool in Tool.objects.order_by("pk"):
        recipe = tool.get_recipe()
        if tool.recipe and recipe is None:
            yield Error(
                f"The recipe {tool.recipe} of the tool {tool.key} is gone; the tool does not run.",
                hint="Put the recipe's file back, or delete the tool.",
                id="consent.E012",
            )
        elif tool.enabled and recipe is not None and (misfit := _misfit(recipe, tool.parameters)):
            yield Error(
                f"The tool {tool.key} does not run: {misfit}",
                hint="Mend its parameters in the admin.",
                id="consent.E013",
            )
        elif not tool.recipe and (found := snippets.problems(tool.snippet)):
            yield Error(
                f"The snippet of the tool {tool.key} would damage the page: {' '.join(found)}",
                hint="Mend it in the admin.",
                id="consent.E014",
            )


def _unclaimed_signals() -> Iterator[CheckMessage]:
    """Name the tools of the policy in use that wait for what nobody can allow."""
    if recipes.problems():
        return
    used = Category.objects.filter(policy__in=Policy.objects.in_use())
    claimed = " ".join(used.values_list("consent_types", flat=True)).split()
    for tool in Tool.objects.filter(category__in=used, enabled=True).order_by("pk"):
        if missing := [name for name in _signals_of(tool) if name not in claimed]:
            yield Warning(
                f"The tool {tool.key} is always told that these signals are denied, since no "
                f"category has them: {', '.join(missing)}.",
                hint="Tick each in the category that it belongs to, in the admin.",
                id="consent.W017",
            )


def _signals_of(tool: Tool) -> Sequence[str]:
    """Return the signals that the tool's code listens to; none where it does not run."""
    recipe = tool.get_recipe()
    if recipe is None or not recipe.hears_signals or _misfit(recipe, tool.parameters):
        return ()
    return recipe.consent_mode


def _misfit(recipe: recipes.Recipe, parameters: object) -> str:
    if not isinstance(parameters, dict):
        return "What is stored is no set of parameters."
    return " ".join(parameter_errors(recipe, parameters).values())


def register_all() -> None:
    """Register the checks; called once, when the app is ready."""
    for check in (
        check_middleware,
        check_csp_middleware,
        check_urls,
        check_templates,
        check_settings,
        check_tasks,
        check_recipes,
    ):
        register(_listed(check), "consent")
    register(_listed(check_policies), "consent", Tags.database)


def _listed(check: Callable[..., Iterator[CheckMessage]]) -> Callable[..., list[CheckMessage]]:
    """Make a check of a generator: Django wants a list."""

    def run(*args: Any, **kwargs: Any) -> list[CheckMessage]:
        return list(check(*args, **kwargs))

    run.__name__ = check.__name__
    return run
