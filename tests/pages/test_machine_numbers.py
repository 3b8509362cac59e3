"""Numbers that scripts and forms send back are no text for people: no locale may change them."""

import re

import pytest
from django.test import Client

from consent.models import Category, Policy, Tool
from consent.pages.template_functions import consent_block, consent_body
from consent.policy import policies
from tests.helpers import CHAT, SAME_ORIGIN, page_request, small_site

pytestmark = pytest.mark.django_db

REVISION = 1_234


@pytest.fixture(autouse=True)
def _large_numbers(settings):
    settings.USE_THOUSAND_SEPARATOR = True
    settings.CONSENT_DELIVERY = "server"
    small_site()
    Policy.objects.update(revision=REVISION)
    Category.objects.update(since=REVISION - 1)
    Tool.objects.update(since=REVISION)
    policies.forget()


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
def test_notice_and_dialog_write_plain_numbers(settings, delivery):
    settings.CONSENT_DELIVERY = delivery
    body = consent_body(page_request())

    assert f'data-revision="{REVISION}"' in body
    assert body.count(f'name="revision" value="{REVISION}"') == 2
    assert set(re.findall(r'data-since="(.*?)"', body)) == {"0", "1233", "1234"}


def test_embeds_write_plain_numbers():
    assert f'name="revision" value="{REVISION}"' in consent_block(page_request(), CHAT, "<p>x</p>")


def test_what_the_preferences_page_sends_is_taken():
    client = Client(headers=SAME_ORIGIN)
    page = client.get("/consent/preferences/").content.decode()
    form = dict(re.findall(r'type="hidden" name="(\w+)" value="(.*?)"', page))

    response = client.post("/consent/preferences/", {**form, "action": "accept-all"})

    assert form["revision"] == str(REVISION)
    assert response.status_code == 303
    assert f".{REVISION}." in response.cookies["consent"].value
