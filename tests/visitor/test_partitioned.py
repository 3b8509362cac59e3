"""CONSENT_COOKIE_PARTITIONED: the cookies for a site in a frame of another website."""

import json
import pickle

import pytest
from django.test import Client

from tests.helpers import OPTIONAL, SAME_ORIGIN, small_site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]
PREFERENCES = "/consent/api/preferences/"


@pytest.fixture(autouse=True)
def _in_a_frame(settings):
    settings.CONSENT_COOKIE_PARTITIONED = True
    settings.CONSENT_COOKIE_SAMESITE = "None"
    settings.CONSENT_COOKIE_SECURE = True
    small_site()


def headers(path=PREFERENCES, method="PUT"):
    body = json.dumps({"choices": dict.fromkeys(OPTIONAL, True)})
    response = Client().generic(
        method, path, body, content_type="application/json", headers=SAME_ORIGIN
    )
    assert response.status_code == 200
    # As Django's page cache keeps them.
    return [each.OutputString() for each in pickle.loads(pickle.dumps(response.cookies)).values()]  # noqa: S301


@pytest.mark.parametrize("name", ["consent", "consent_subject"])
def test_cookie_is_partitioned_and_replaces_one_that_was_not(name):
    own = [text.split("; ") for text in headers() if text.startswith(f"{name}=")]

    kept = [parts for parts in own if "Partitioned" in parts]
    deleted = [parts for parts in own if "Partitioned" not in parts]
    assert len(kept) == len(deleted) == 1
    assert {"Secure", "SameSite=None"} <= set(kept[0]) & set(deleted[0])
    assert "Max-Age=0" in deleted[0]
    assert kept[0][0] != f'{name}=""'


def test_what_is_deleted_is_partitioned():
    texts = headers(f"{PREFERENCES}?forget=true", "DELETE")

    assert any(text.startswith("consent=1.") and "Partitioned" in text for text in texts)


def test_without_the_setting_nothing_is_partitioned(settings):
    settings.CONSENT_COOKIE_PARTITIONED = False

    assert not any("Partitioned" in text for text in headers())
