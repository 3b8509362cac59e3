"""A thousand visitors of a website that moves from django-cookie-consent, the real app, to this.

The oracle knows neither app: of each visitor it remembers which cookies of a group they were shown
when they answered last, and compares that with what the group contained in the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.apps import apps
from django.core.cache import cache
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, RequestFactory

from consent.models import Category, Record, Tool
from consent.policy import policies
from tests import cookie_consent_app
from tests.carry_over.helpers import with_carry_over
from tests.factories import ToolFactory
from tests.proof.consistency import inconsistencies

pytest.importorskip("cookie_consent")

pytestmark = [pytest.mark.once, pytest.mark.django_db, pytest.mark.urls("tests.carry_over.helpers")]

VISITORS, SEED = 1_000, 20_261_130
GROUPS = ("Web_Stats", "social", "ads", "video")
BEGAN = datetime(2024, 3, 1, 9, 30, tzinfo=UTC)
HOSTILE = (
    *("", "|", "=", "Web_Stats", "Web_Stats=1", "social=true|ads=yes", "Web_Stats=9999|ads==-1"),
    *("x" * 4_000, "ads=" + "9" * 400, "unknown=-1", "ads=\x00", "éö=1", "1.2.3.ads_1"),
)


@dataclass
class Person:
    """A visitor: their browser, and what they were shown when they answered about a group."""

    browser: Client = field(default_factory=Client)
    accepted: dict[str, frozenset[str]] = field(default_factory=dict)
    declined: set[str] = field(default_factory=set)
    is_hostile: bool = False

    def wants(self, group: str, contents: frozenset[str]) -> bool | None:
        """Return what they want of a group with these contents; None: they were not asked."""
        if self.is_hostile:
            return None
        if group in self.declined:
            return False
        return True if contents <= self.accepted.get(group, frozenset()) else None


class OldSite:
    """The website with the other app: its groups, and what they contain at the moment."""

    def __init__(self, random: Random) -> None:
        self.random, self.days = random, 0
        self.contents: dict[str, frozenset[str]] = {}
        for order, group in enumerate(GROUPS):
            _model("CookieGroup").objects.create(varname=group, name=group, ordering=order)
            self.add(group)
        _model("CookieGroup").objects.create(varname="needed", is_required=True)

    def add(self, group: str) -> None:
        """Add a cookie to a group, on the next day."""
        self.days += 1
        name = f"{group.lower()}_{self.days}"
        found = _model("CookieGroup").objects.get(varname=group)
        made = _model("Cookie").objects.create(cookiegroup=found, name=name)
        created = BEGAN + timedelta(days=self.days, microseconds=self.random.randrange(10**6))
        _model("Cookie").objects.filter(pk=made.pk).update(created=created)
        self.contents[group] = self.contents.get(group, frozenset()) | {name}
        cache.clear()

    def answer(self, person: Person, group: str, *, accepts: bool) -> None:
        """Let somebody answer about a group; the other app writes their cookie."""
        from cookie_consent.util import get_cookie_dict_from_request, set_cookie_dict_to_response

        found, response = _model("CookieGroup").objects.get(varname=group), HttpResponse()
        said = get_cookie_dict_from_request(_request_of(person))
        said[group] = found.get_version() if accepts else "-1"
        set_cookie_dict_to_response(response, said)
        person.browser.cookies["cookie_consent"] = response.cookies["cookie_consent"].value
        person.declined.discard(group)
        person.accepted.pop(group, None)
        if accepts:
            person.accepted[group] = self.contents[group]
        else:
            person.declined.add(group)


def _model(name: str) -> Any:
    return apps.get_model("cookie_consent", name)


def _request_of(person: Person) -> Any:
    request = RequestFactory().get("/")
    if "cookie_consent" in person.browser.cookies:
        request.COOKIES["cookie_consent"] = person.browser.cookies["cookie_consent"].value
    return request


def _grown_up(site: OldSite) -> list[Person]:
    """Let a thousand visitors come while the groups grow; some bring cookies that nobody set."""
    people = []
    for number in range(VISITORS):
        if number in (200, 500, 700):
            site.add(site.random.choice(GROUPS))
        person = Person(is_hostile=site.random.random() < 0.05)
        if person.is_hostile:
            person.browser.cookies["cookie_consent"] = site.random.choice(HOSTILE)
        else:
            for group in site.random.choices(GROUPS, k=site.random.randrange(7)):
                site.answer(person, group, accepts=site.random.random() < 0.6)
        people.append(person)
    return people


def _said_by_the_other_app(person: Person) -> dict[str, bool | None]:
    from cookie_consent.util import get_cookie_value_from_request

    return {group: get_cookie_value_from_request(_request_of(person), group) for group in GROUPS}


def _migrated() -> dict[str, Any]:
    out = StringIO()
    call_command("consent_migrate", "django-cookie-consent", stdout=out)
    found: dict[str, Any] = {}
    exec(out.getvalue()[out.getvalue().index("CONSENT_CARRY_OVER = {") :], found)  # noqa: S102
    return found["CONSENT_CARRY_OVER"]


@pytest.fixture(scope="module", autouse=True)
def _tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), cookie_consent_app.tables():
        yield


def test_nobody_is_asked_again_and_nobody_grants_more(settings):
    with cookie_consent_app.installed():
        site = OldSite(Random(SEED))  # noqa: S311
        people = _grown_up(site)
        honest = [person for person in people if not person.is_hostile]
        for person in honest:
            wanted = {group: person.wants(group, site.contents[group]) for group in GROUPS}
            assert _said_by_the_other_app(person) == wanted
        setting = _migrated()
    keys = {group: group.lower().replace("_", "-") for group in GROUPS}
    tools = {group: f"{key}-own" for group, key in keys.items()}
    ToolFactory.create(category=Category.objects.get(key="social"), key="later")
    settings.CONSENT_CARRY_OVER, settings.MIDDLEWARE = setting, with_carry_over()
    settings.CONSENT_THROTTLE_RATE = None
    policies.forget()

    carried = 0
    for person in people:
        wanted = {group: person.wants(group, site.contents[group]) for group in GROUPS}
        first, second = person.browser.get("/"), person.browser.get("/")

        assert first.json() == second.json()
        found = first.json()
        assert found["choices"] == {keys[group]: wanted[group] for group in GROUPS}
        granted = {tools[group] for group in GROUPS if wanted[group]}
        assert set(found["tools"]) == granted | {"needed-own"}
        is_news = wanted["social"] is True
        assert found["must_ask"] is (is_news or None in wanted.values())
        assert not second.cookies
        carried += any(answer is not None for answer in wanted.values())

    assert 500 < carried == Record.objects.filter(source="migrated").count()
    assert Record.objects.count() == carried
    assert inconsistencies() == {}
    assert Tool.objects.count() == len(GROUPS) + 2
