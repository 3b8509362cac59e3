"""Delivery modes: each is one object, so that a new one is written in one place."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse

from consent.conf import ConsentSettings
from consent.pages import DELIVERY_MODES, Delivery, assets, delivery_mode
from consent.pages.csp import csp_sources
from consent.pages.delivery import ServerDelivery
from consent.pages.template_functions import consent_body, consent_head, if_consent
from consent.policy import Selection, Standing
from consent.visitor import Consent
from tests.helpers import ANALYTICS, GUARD, consent_in, grant, page_request, small_site, vary

pytestmark = pytest.mark.django_db


class EssentialDelivery(ServerDelivery):
    """A third mode, for a site that starts optional tools itself: pages get only essential ones."""

    name = "essential"
    script = "consent/essential.js"

    def selection(self, consent: Consent) -> Selection:
        return consent.policy.refused

    def csp_selection(self, consent: Consent) -> Selection:
        return consent.policy.refused

    def standing(self, consent: Consent) -> Standing | None:
        return None


@pytest.fixture
def third_mode(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Delivery]:
    mode = EssentialDelivery()
    monkeypatch.setitem(DELIVERY_MODES, mode.name, mode)
    settings.CONSENT_DELIVERY = mode.name
    return mode


def test_the_setting_names_the_mode(settings):
    for name, mode in DELIVERY_MODES.items():
        settings.CONSENT_DELIVERY = name
        assert delivery_mode() is mode
        assert mode.name == name


def test_an_invalid_name_means_the_mode_that_is_right_for_every_site(settings):
    settings.CONSENT_DELIVERY = "cached"

    assert delivery_mode() is DELIVERY_MODES["server"]


def test_a_third_mode_needs_nothing_but_its_object(third_mode):
    small_site()
    request = page_request(grant("marketing-analytics"))

    head, body = consent_head(request), consent_body(request)

    assert delivery_mode() is third_mode
    assert third_mode.script in head
    assert assets.SCRIPT not in head
    assert ANALYTICS not in head + body.partition("<dialog")[0]
    assert f'data-consent-tool="{GUARD}"' in head + body
    assert 'id="dcp-notice"' in body
    assert not if_consent(request, ANALYTICS)
    assert csp_sources(request) == consent_in(request).policy.refused.sources
    response = HttpResponse()
    consent_in(request).finish(response)
    assert vary(response) == {"Sec-Fetch-Dest", "Sec-Purpose"}


def test_the_setting_allows_every_mode():
    rule = ConsentSettings.DELIVERY.rule

    assert all(map(rule.allows, DELIVERY_MODES))
    assert rule.expected == " or ".join(map(repr, DELIVERY_MODES))


def test_a_third_mode_serves_no_bundles_unless_it_says_so(third_mode, client):
    small_site()

    assert client.get("/consent/tools/0/advertising_1.js").status_code == 404
