"""One switch stops all optional tools, and starts them again without asking anybody anew."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from consent.models import Policy
from consent.policy import policies
from tests.factories import PolicyFactory
from tests.helpers import ESSENTIAL_TOOLS, OPTIONAL, SAME_ORIGIN, TOOLS, grant, small_site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]


@pytest.fixture(autouse=True)
def policy(settings) -> Policy:
    settings.CONSENT_POLICY_MAX_AGE = 0
    return small_site()


def stop(*options: str) -> str:
    out = StringIO()
    call_command("consent_stop", *options, stdout=out)
    return out.getvalue()


def state() -> dict[str, object]:
    """Return what the API says to a visitor who allows everything."""
    client = Client()
    client.cookies["consent"] = grant(*OPTIONAL)
    return client.get("/consent/api/preferences/").json()


def test_optional_tools_stop_and_start_again():
    before = state()
    assert set(before["allowed"]) == set(TOOLS)

    assert stop() == "Optional tools stopped in 1 policies.\n"
    stopped = state()
    assert set(stopped["allowed"]) == set(ESSENTIAL_TOOLS)

    assert stop("--undo") == "Optional tools started again in 1 policies.\n"
    assert state() == before


def test_visitors_keep_their_choices_and_are_not_asked(policy):
    revision = policy.revision
    before = state()
    stop()

    during = state()

    for name in ("decided", "ask", "revision", "choices"):
        assert during[name] == before[name]
    assert Policy.objects.get().revision == revision


@pytest.mark.parametrize("regime", ["implied", "notice_only"])
def test_nothing_runs_before_a_decision_either(policy, regime):
    Policy.objects.update(regime=regime)
    stop()

    assert set(Client().get("/consent/api/preferences/").json()["allowed"]) == set(ESSENTIAL_TOOLS)


def test_who_decides_meanwhile_has_decided_about_all_tools():
    stop()
    client = Client(headers=SAME_ORIGIN)
    client.put(
        "/consent/api/preferences/",
        {"choices": dict.fromkeys(OPTIONAL, True)},
        content_type="application/json",
    )
    assert set(client.get("/consent/api/preferences/").json()["allowed"]) == set(ESSENTIAL_TOOLS)

    stop("--undo")

    assert set(client.get("/consent/api/preferences/").json()["allowed"]) == set(TOOLS)


def test_cacheable_pages_get_another_address_of_scripts(settings):
    settings.CONSENT_DELIVERY = "cacheable"
    before = policies.current().fingerprint
    name = f"{'.'.join(f'{key}_2' for key in OPTIONAL)}.js"
    assert Client().get(f"/consent/tools/{before}/{name}").status_code == 200
    stop()

    after = policies.current().fingerprint

    assert after != before
    for fingerprint in (before, after):
        assert Client().get(f"/consent/tools/{fingerprint}/{name}").status_code == 404
    assert 'data-stopped="1"' in Client().get("/").content.decode()


def test_one_policy_is_stopped_alone():
    PolicyFactory(key="shop", is_default=False, hosts="shop.example.com")

    stop("--policy", "shop")

    assert list(Policy.objects.filter(stopped_at=None).values_list("key", flat=True)) == ["default"]


def test_unknown_policy_is_an_error():
    with pytest.raises(CommandError, match="no policy with the key “nonsense”"):
        stop("--policy", "nonsense")


def test_checks_say_that_tools_are_stopped():
    stop()
    errors = StringIO()

    call_command("check", databases=["default"], stdout=StringIO(), stderr=errors)

    assert "consent.W027" in errors.getvalue()


@pytest.mark.parametrize(("action", "stopped"), [("stop_tools", True), ("start_tools", False)])
def test_admin_stops_and_starts_them(admin_client, policy, action, stopped):
    if not stopped:
        stop()

    answer = admin_client.post(
        reverse("admin:consent_policy_changelist"),
        {"action": action, "_selected_action": [policy.pk]},
        follow=True,
    )

    assert answer.status_code == 200
    assert (Policy.objects.get().stopped_at is not None) is stopped
    history = admin_client.get(reverse("admin:consent_policy_history", args=[policy.pk]))
    assert "Optional tools" in history.content.decode()
