"""A refusal never lapses into running, also where tools run before a first decision."""

import pytest
from django.http import HttpResponse

from tests.helpers import (
    ESSENTIAL_TOOLS,
    OPTIONAL,
    TOOLS,
    consent_in,
    days_ago,
    grant,
    page_request,
    small_site,
)

pytestmark = pytest.mark.django_db

DAY = 86_400


def response_to(cookie: str, *, reads: bool = True, decide: bool = False):
    consent = consent_in(page_request(cookie))
    if decide:
        consent.reject_all()
    allowed = {key for key in TOOLS if consent.allows(key)} if reads else None
    response = HttpResponse()
    consent.finish(response)
    return allowed, response.cookies.get("consent")


@pytest.mark.parametrize(("implied", "days"), [(True, 400), (False, 182)])
def test_refusal_is_kept_longer_where_tools_would_run_without_it(implied, days):
    small_site(implied=implied)

    _, cookie = response_to("", decide=True)

    assert cookie["max-age"] == days * DAY


@pytest.mark.parametrize("granted", [(), ("functional",)])
def test_refusal_over_its_term_is_renewed_and_nothing_runs(granted):
    small_site(implied=True)
    text = grant(*granted, day=days_ago(300))

    allowed, cookie = response_to(text)

    assert allowed == ESSENTIAL_TOOLS
    assert (cookie.value, cookie["max-age"]) == (text, 400 * DAY)


@pytest.mark.parametrize(
    ("implied", "granted", "days", "reads"),
    [
        (False, (), 300, True),
        (True, OPTIONAL, 300, True),
        (True, (), 3, True),
        (True, (), 300, False),
    ],
)
def test_nothing_else_is_renewed(implied, granted, days, reads):
    small_site(implied=implied)

    _, cookie = response_to(grant(*granted, day=days_ago(days)), reads=reads)

    assert cookie is None
