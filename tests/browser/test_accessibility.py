"""axe-core finds nothing wrong, whatever state the page is in: light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import ViewportSize, expect

import consent
from consent.events.models import Delivery, SigningSecret
from consent.models import Record, Tool
from tests.browser.test_notice import DESK, PHONE
from tests.browser.visitor import OPTIONAL, Visitor

AXE = Axe()
Look: TypeAlias = tuple[Literal["light", "dark"], ViewportSize]
# Each scheme and each width once; and all of them together.
USUAL: tuple[Look, ...] = (("light", DESK), ("dark", PHONE))
ALL: tuple[Look, ...] = tuple(product(("light", "dark"), (DESK, PHONE)))

Complaints: TypeAlias = Callable[[Visitor], dict[str, list[str]]]


@pytest.fixture(
    params=[USUAL, pytest.param(ALL, marks=pytest.mark.exhaustive)], ids=["usual", "all looks"]
)
def complaints(request: pytest.FixtureRequest) -> Complaints:
    """A function that returns what axe-core complains of, by the look that it complains of."""
    looks: tuple[Look, ...] = request.param
    return lambda visitor: complaints_in(visitor, looks)


def notice(visitor: Visitor) -> None:
    visitor.goto("/")
    expect(visitor.notice).to_be_visible()


def notice_with_a_failure(visitor: Visitor) -> None:
    notice(visitor)
    visitor.context.route("**/consent/api/preferences/", lambda route: route.abort())
    visitor.press("Accept all")
    expect(visitor.notice.get_by_role("alert")).to_be_visible()


def dialog(visitor: Visitor) -> None:
    visitor.goto("/")
    visitor.open_preferences()


def dialog_with_a_failure(visitor: Visitor) -> None:
    dialog(visitor)
    visitor.context.route("**/consent/api/preferences/", lambda route: route.abort())
    visitor.press("Save", visitor.dialog)
    expect(visitor.dialog.get_by_role("alert")).to_be_visible()


def confirmation(visitor: Visitor) -> None:
    dialog(visitor)
    visitor.box("functional").check()
    visitor.press("Cancel", visitor.dialog)
    expect(visitor.confirmation).to_be_visible()


def status(visitor: Visitor) -> None:
    visitor.goto("/")
    visitor.choose("functional")
    expect(visitor.status).to_be_visible()
    # It stays as long as it is looked at.
    visitor.status.hover()


def preferences_page(visitor: Visitor) -> None:
    visitor.goto("/consent/preferences/")


def policy_page(visitor: Visitor) -> None:
    visitor.goto("/policy/")
    visitor.page.locator("details.dcp-tool").evaluate_all(
        "all => all.forEach((el) => { el.open = 1; })"
    )


def apps_policy_page(visitor: Visitor) -> None:
    visitor.goto("/consent/policy/")
    visitor.page.locator("details.dcp-tool").first.click()


def contact_page(visitor: Visitor) -> None:
    visitor.goto("/contact/")
    visitor.page.get_by_role("button", name="Send").click()
    expect(visitor.page.get_by_role("alert").first).to_be_visible()


@pytest.mark.parametrize(
    "state",
    [
        notice,
        notice_with_a_failure,
        dialog,
        dialog_with_a_failure,
        confirmation,
        status,
        preferences_page,
        policy_page,
        apps_policy_page,
        contact_page,
    ],
    ids=lambda state: state.__name__.replace("_", " "),
)
def test_axe_finds_nothing(enter, state: Callable[[Visitor], None], complaints):
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    state(visitor)

    assert complaints(visitor) == {}


@pytest.fixture
def own_look(settings, site) -> None:
    """The app's pages as they are where a site changes nothing: neither their base nor colours."""
    (engine,) = settings.TEMPLATES
    own = Path(consent.__file__).parent / "templates"
    settings.TEMPLATES = [{**engine, "DIRS": [own]}]


@pytest.mark.parametrize("state", ["notice", "dialog", "confirmation", "status", "preferences"])
def test_axe_finds_nothing_in_the_apps_own_look(enter, own_look, state, complaints):
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    html = visitor.goto(f"/consent/{'preferences' if state == 'preferences' else 'policy'}/")
    assert "site.css" not in html
    if state in ("dialog", "confirmation"):
        visitor.open_preferences()
    if state == "confirmation":
        visitor.box("functional").check()
        visitor.press("Cancel", visitor.dialog)
        expect(visitor.confirmation).to_be_visible()
    if state == "status":
        visitor.reject_all()
        visitor.status.hover()

    assert complaints(visitor) == {}


@pytest.mark.parametrize("path", ["/", "/consent/preferences/"])
def test_axe_finds_nothing_where_something_is_new(enter, policy, path, complaints):
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    visitor.has_decided(*OPTIONAL, revision=policy.revision)
    for tool in Tool.objects.filter(key__in=["drift", "adwords"]):
        tool.vendor += " Ltd"
        tool.save()
    visitor.goto(path)
    if path == "/":
        visitor.press("Preferences")
        expect(visitor.dialog).to_be_visible()

    assert complaints(visitor) == {}


@pytest.mark.parametrize(
    "path",
    [
        "tool/add/",
        "tool/add/?q=universal",
        "tool/add/?recipe=google-analytics",
        "tool/add/?recipe=zapier",
        "tool/add/?recipe=custom",
        "tool/",
        "category/",
    ],
)
def test_axe_finds_nothing_in_the_admin(enter, site, path, complaints):
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    log_in(visitor, site.address)
    visitor.goto(f"/admin/consent/{path}")

    assert complaints(visitor) == {}


@pytest.mark.parametrize("path", ["consent/tool/{tool}/events/", "consent_events/delivery/"])
def test_axe_finds_nothing_in_the_events(enter, site, path, complaints):
    tool = Tool.objects.get(key="webhooks")
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    log_in(visitor, site.address)
    visitor.goto(f"/admin/consent/tool/{tool.pk}/events/")
    visitor.page.get_by_role("button", name="Send a test event").click()
    visitor.goto(f"/admin/{path.format(tool=tool.pk)}")

    assert complaints(visitor) == {}
    SigningSecret.objects.all().delete()
    Delivery.objects.all().delete()


@pytest.mark.parametrize(
    "path",
    [
        "record/",
        "record/?q=no+receipt",
        "record/{record}/change/",
        "record/subject/?receipt={receipt}&on=9999-12-31",
        "record/subject/erase/?receipt={receipt}",
        "policyversion/",
        "policyversion/{version}/change/",
        "counter/",
    ],
)
def test_axe_finds_nothing_in_the_proof(enter, site, path, complaints):
    visitor = enter(viewport=DESK, reduced_motion="reduce")
    visitor.goto("/")
    visitor.choose("functional")
    expect(visitor.status).to_be_visible()
    record = Record.objects.latest("pk")
    log_in(visitor, site.address)
    ids = {"record": record.pk, "receipt": record.receipt, "version": record.version_id}
    visitor.goto(f"/admin/consent/{path.format(**ids)}")

    assert complaints(visitor) == {}


def log_in(visitor: Visitor, address: str) -> None:
    """Give the visitor the session of somebody who may do everything in the admin."""
    client = Client()
    client.force_login(get_user_model().objects.get(username="admin"))
    session = client.cookies["sessionid"].value
    visitor.context.add_cookies([{"name": "sessionid", "value": session, "url": address}])


def complaints_in(visitor: Visitor, looks: tuple[Look, ...]) -> dict[str, list[str]]:
    # Colours on their way from one scheme to the other are neither's.
    visitor.page.add_style_tag(content="* { transition: none !important }")
    found = {}
    for scheme, viewport in looks:
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.page.set_viewport_size(viewport)
        results = AXE.run(visitor.page).response["violations"]
        if results:
            found[f"{scheme}, {viewport['width']} px"] = [
                f"{rule['id']}: {rule['help']}: "
                + "; ".join(str(node["target"][0]) for node in rule["nodes"])
                for rule in results
            ]
    return found
