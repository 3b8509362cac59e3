"""Every text of the app that a visitor meets passes through a catalogue.

A made-up catalogue has all of the visitors' messages in brackets. What a page then shows outside
of brackets is the site's own, or a text that no translator ever sees.
"""

import json
import re
from html.parser import HTMLParser
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.translation import override

from consent.decorators import refuse
from consent.models import Category, Policy, RegionRule
from consent.pages import template_functions as tags
from consent.pages.embeds import consent_block, consent_embed
from tests.factories import CookieFactory, ToolFactory
from tests.helpers import SAME_ORIGIN, days_ago, grant, no_policy, page_request
from tests.messages import APP, in_source, write_catalogue

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LANGUAGE = "tr"
# What the site itself writes: names of tools and vendors, addresses, and the title of an embed.
OWN = ("YouTube", "Google", "LLC", "Chat", "Example", "Ltd", "2 years", "To count.", "Our film")
SHOWN_ATTRIBUTES = ("alt", "aria-label", "placeholder", "title")
SKIPPED = {"script", "style", "code", "time"}
VOID = {"br", "hr", "img", "input", "link", "meta", "base"}


@pytest.fixture(autouse=True)
def policy(settings, tmp_path) -> Policy:
    """The default policy with a tool and an embed, on a site in the made-up language."""
    texts = {
        message: [f"⟦{text}⟧".replace("\n\n", " ") for text in message[1:] if text]
        for message in in_source(visitors_only=True)
    }
    (code,) = (message for message in texts if message.text == "en")
    write_catalogue(tmp_path, LANGUAGE, {**texts, code: [LANGUAGE]})
    (tmp_path / "consent").mkdir()
    frame = (APP / "templates" / "consent" / "base.html").read_text(encoding="utf-8")
    (tmp_path / "consent" / "base.html").write_text(frame)
    settings.LANGUAGES = [*settings.LANGUAGES, (LANGUAGE, "Türkçe")]
    settings.LOCALE_PATHS = [tmp_path]
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    call_command("consent_init", stdout=StringIO())
    functional = Category.objects.get(key="functional")
    chat = ToolFactory(category=functional, key="chat", name="Chat", vendor="Example Ltd")
    CookieFactory(tool=chat, retention="2 years", purpose="To count.")
    CookieFactory(tool=chat, name="other", storage=True, third_party=True, purpose="To count.")
    embed: dict[str, Any] = {"recipe": "youtube", "snippet": "", "placement": "manual"}
    ToolFactory(category=functional, key="youtube", name="YouTube", vendor="Google LLC", **embed)
    ToolFactory(category=Category.objects.get(key="advertising"), key="ads", name="Chat")
    return Policy.objects.get()


class _Shown(HTMLParser):
    """Collects what a page shows or has a screen reader say."""

    def __init__(self) -> None:
        super().__init__()
        self.around: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.around.append(tag)
        given = dict(attrs)
        names = [name for name in given if name in SHOWN_ATTRIBUTES]
        # The script says what these contain.
        if given.get("id") == "dcp-status":
            names += [name for name in given if name.startswith("data-")]
        self.found += [given[name] or "" for name in names if name != "data-nosnippet"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.around.pop()

    def handle_data(self, data: str) -> None:
        if not SKIPPED & set(self.around):
            self.found.append(data)


def bypassing(markup: str) -> list[str]:
    """Return the texts with letters that are neither in brackets nor the site's own."""
    parser = _Shown()
    parser.feed(re.sub(r"(?s)<!--.*?-->|<!DOCTYPE[^>]*>", "", markup))
    return [text for text in parser.found if re.search(r"[^\W\d_]", _outside(text))]


def _outside(text: str) -> str:
    # The innermost brackets first: a sentence may contain another message.
    before = None
    while text != before:
        before, text = text, re.sub("⟦[^⟦⟧]*⟧", "", text)
    for own in OWN:
        text = text.replace(own, "")
    return text


def visitor(cookie: str = "", **headers: str) -> Client:
    browser = Client(headers={**SAME_ORIGIN, "Accept-Language": LANGUAGE, **headers})
    if cookie:
        browser.cookies["consent"] = cookie
    return browser


def parts(cookie: str = "", **options: Any) -> str:
    """Return what the tags write into a page, its embeds included."""
    with override(LANGUAGE):
        request = page_request(cookie, **options)
        written = [
            consent_embed(request, "youtube", id="aBcDeFgHiJk", title="Our film"),
            consent_embed(request, "youtube", id="?", ratio="wide"),
            consent_block(request, "functional", ""),
            *(
                tags.FUNCTIONS[name](request)
                for name in ("consent_policy", "consent_preferences_button", "consent_body")
            ),
        ]
    return "".join(map(str, written))


def test_the_check_finds_a_text_that_bypasses_the_catalogue():
    assert bypassing("<p>⟦Kept for ⟦6 months⟧⟧: YouTube</p>") == []
    assert bypassing('<p title="Plain">⟦a⟧ and ⟦b⟧</p>') == ["Plain", "⟦a⟧ and ⟦b⟧"]


@pytest.mark.parametrize("delivery", ["server", "cacheable"])
@pytest.mark.parametrize("regime", ["opt_in", "implied", "notice_only"])
@pytest.mark.parametrize("decided", ["", "older", "some", "all"])
def test_parts_of_a_page(settings, policy, delivery, regime, decided):
    settings.CONSENT_DELIVERY = delivery
    policy.regime = regime
    policy.save()
    policy.refresh_from_db()
    granted = {
        "": "",
        "older": grant("functional", at=1),
        "some": grant("functional", at=policy.revision),
        "all": grant("functional", "marketing-analytics", "advertising", at=policy.revision),
    }

    markup = parts(granted[decided], headers={"Sec-GPC": "1"})

    assert "⟦" in markup
    assert bypassing(markup) == []


def test_notice_of_an_editor_with_rules_for_regions(policy):
    policy.notice_text = "Example"
    # What holds here is said in the language of the notice.
    policy.translate(LANGUAGE, "notice_text", "Example")
    policy.save()
    RegionRule.objects.create(policy=policy, regions="US", regime="implied")

    assert bypassing(parts()) == []


@pytest.mark.parametrize("path", ["policy/", "preferences/", "receipts/"])
@pytest.mark.parametrize("decides", [False, True])
def test_pages(policy, path, decides):
    policy.privacy_url = "https://example.org/privacy"
    policy.save()
    browser = visitor(**{"Sec-GPC": "1"})
    if decides:
        browser.post("/consent/preferences/", {"action": "accept-all"})

    assert bypassing(browser.get(f"/consent/{path}").content.decode()) == []


def test_page_of_a_receipt():
    browser = visitor()
    browser.post("/consent/preferences/", {"action": "accept-all"})
    listed = browser.get("/consent/receipts/").content.decode()
    (address,) = set(re.findall(r'href="(/consent/receipts/[^"]+)"', listed))

    assert bypassing(browser.get(address).content.decode()) == []


@pytest.mark.parametrize(
    "form",
    [
        {"action": "dance"},
        {"action": "allow"},
        {"action": "save", "choices": "nothing"},
        {"action": "save", "revision": "x"},
        {"action": "accept-all", "revision": "12345"},
        {"action": "allow", "choices": "functional", "revision": "0"},
    ],
)
def test_refusals_of_a_form(form):
    # What was sent is repeated, and the names of fields are the form's.
    page = visitor().post("/consent/preferences/", form)
    markup = page.content.decode()
    for sent in (*form.values(), "action: ", "choices: ", "revision: ", "nothing: "):
        markup = markup.replace(f">⟦Nothing was saved: {sent}", ">⟦Nothing was saved: ")

    assert page.status_code in (400, 503)
    assert bypassing(markup) == []


def test_a_form_of_another_website_and_one_sent_too_often(settings):
    settings.CONSENT_THROTTLE_RATE = "1/hour"
    foreign = Client(headers={"Accept-Language": LANGUAGE, "Origin": "https://other.example"})
    pages = [foreign.post(f"/consent/{path}/") for path in ("preferences", "embed")]
    pages += [
        visitor().post("/consent/preferences/", {"action": action})
        for action in ("accept-all", "accept-all", "accept-all")
    ]

    assert {403, 429} <= {page.status_code for page in pages}
    for page in pages:
        assert bypassing(page.content.decode()) == []


@pytest.mark.parametrize(
    "form", [{}, {"tool": "chat"}, {"tool": "youtube"}, {"tool": "youtube", "title": "Our film"}]
)
def test_page_of_an_embed(form):
    assert bypassing(visitor().post("/consent/embed/", form).content.decode()) == []
    assert bypassing(visitor().get("/consent/embed/").content.decode()) == []


@pytest.mark.parametrize("has_policy", [True, False])
def test_page_that_requires_consent(has_policy):
    if not has_policy:
        no_policy()
    with override(LANGUAGE):
        response: Any = refuse(
            page_request(headers={"Accept": "text/html"}), ("advertising", "chat")
        )
        markup = response.render().content.decode()

    assert "⟦" in markup
    assert bypassing(markup) == []


def test_cookies_that_differ():
    older, newer = grant("functional", day=days_ago(1)), grant()
    browser = Client(
        headers={"Accept-Language": LANGUAGE, "Cookie": f"consent={older}; consent={newer}"}
    )

    assert bypassing(browser.get("/consent/preferences/").content.decode()) == []


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '{"choices": {}, "choices": {}}',
        '{"choices": {"functional": 7}}',
        '{"choices": {"no": true}}',
        '{"choices": {"essential": false}}',
        '{"choices": {"!": true}}',
        '{"choices": {"functional": true}, "key": "x"}',
        '{"choices": {"functional": true}, "revision": 5}',
        json.dumps({"choices": {f"k{number}": True for number in range(999)}}),
        json.dumps({"choices": {"x" * 11_000: True}}),
    ],
)
def test_refusals_of_the_api(body):
    response = visitor().put("/consent/api/preferences/", body, content_type="application/json")

    assert response.status_code >= 400
    assert _messages(response.json())
    for message in _messages(response.json()):
        assert message.startswith("⟦"), message


def _messages(answer: Any) -> list[str]:
    """Return the texts of an answer; what is missing or no object is REST framework's to say."""
    if isinstance(answer, str):
        return [answer]
    values = answer.values() if isinstance(answer, dict) else answer
    return [message for value in values for message in _messages(value)]
