"""The table of legal bases: one entry is all that a new one needs."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from consent.models import Policy, RegionRule
from consent.models.legal_basis import LEGAL_BASES, LegalBasis, basis_of, by_strictness
from consent.policy import build, policies
from tests.admin.helpers import POLICY, live_page, send
from tests.helpers import small_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def policy() -> Policy:
    return small_site()


@pytest.fixture
def _new_basis(monkeypatch) -> None:
    """A basis that the shipped table does not have: everything runs, and the notice informs."""
    basis = LegalBasis(
        label="Everything runs on weekdays",
        short_label="Weekdays",
        runs_first=True,
        asks=False,
        notice="Our notice for weekdays.",
        addition="Where you are, it is a weekday.",
    )
    monkeypatch.setitem(LEGAL_BASES, "weekdays", basis)


def use(policy: Policy, regime: str) -> None:
    Policy.objects.filter(pk=policy.pk).update(regime=regime)
    policies.forget()


@pytest.mark.usefixtures("_new_basis")
def test_new_basis_is_valid_for_policies_and_rules(policy):
    policy.regime = "weekdays"

    policy.full_clean()
    policy.save()
    RegionRule(policy=policy, regions="DE", regime="weekdays").full_clean()


def test_basis_that_is_not_in_the_table_is_invalid(policy):
    policy.regime = "weekdays"

    with pytest.raises(ValidationError, match="weekdays"):
        policy.full_clean()
    with pytest.raises(ValidationError, match="weekdays"):
        RegionRule(policy=policy, regions="DE", regime="weekdays").full_clean()


@pytest.mark.usefixtures("_new_basis")
def test_new_basis_is_offered_and_stored_by_the_admin(policy, admin_client):
    address = reverse(POLICY, args=[policy.pk])
    page = admin_client.get(address).content.decode()

    assert '<option value="weekdays">Everything runs on weekdays</option>' in page
    send(admin_client, address, {"regime": "weekdays"})
    policy.refresh_from_db()
    assert policy.regime == "weekdays"


@pytest.mark.usefixtures("_new_basis")
def test_new_basis_is_obeyed_by_server_script_and_api(policy):
    use(policy, "weekdays")

    page = live_page()

    assert 'data-consent-tool="chat"' in page
    assert 'data-runs-first="1"' in page
    assert "Our notice for weekdays." in page
    assert 'value="accept-all"' not in page.partition('id="dcp-notice"')[2].partition("</form>")[0]
    assert Client().get(reverse("consent:api-policy")).json()["regime"] == "weekdays"


@pytest.mark.usefixtures("_new_basis")
def test_new_basis_is_as_strict_as_its_place_in_the_table(policy):
    RegionRule.objects.create(policy=policy, regions="US-CA", regime="weekdays")
    use(policy, "notice_only")

    compiled = build().default

    assert compiled.regimes.in_use == ("notice_only", "weekdays")
    assert compiled.regimes.at("US-CA") == "weekdays"
    assert by_strictness(["weekdays", "opt_in"]) == ("opt_in", "weekdays")


def test_unknown_basis_in_the_database_counts_as_the_strictest(policy):
    use(policy, "gone")
    RegionRule.objects.create(policy=policy, regions="US", regime="gone")

    compiled = build().default

    assert compiled.regime == compiled.regimes.at("US") == "opt_in"
    assert compiled.undecided(compiled.regime) is compiled.refused
    assert 'data-consent-tool="chat"' not in live_page()
    assert not basis_of("gone").runs_first
