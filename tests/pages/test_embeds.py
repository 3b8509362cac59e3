"""Embeds and blocks: what a page gets of them, and what their placeholders' forms do."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import TemplateSyntaxError, engines
from django.test import Client
from django.utils import translation
from django.utils.safestring import SafeString

from consent.models import Category, Policy, Record, RegionRule
from consent.pages import assets, embeds
from consent.pages import template_functions as tags
from consent.policy import policies
from consent.policy.decision import parse
from consent.policy.versions import version_of
from consent.recipes.markers import NONCE
from tests.factories import ToolFactory
from tests.helpers import OPTIONAL, SAME_ORIGIN, chosen, grant, no_policy, page_request, small_site

pytestmark = [pytest.mark.django_db, pytest.mark.urls("demo_site.urls")]

VIDEO = "aBcDeFgHiJk"
TAG = f'{{% consent_embed "youtube" id="{VIDEO}" title="Our ferry" %}}'
BLOCK = '{% consentblock "chat" %}<b>talk</b><script>talk()</script>{% endconsentblock %}'
ADDRESS = f"https://www.youtube-nocookie.com/embed/{VIDEO}"
ONCE, PREFERENCES = "/consent/embed/", "/consent/preferences/"
DELIVERIES = ("server", "cacheable")


@pytest.fixture
def policy() -> Policy:
    policy = small_site()
    functional = Category.objects.get(key="functional")
    ToolFactory(
        category=functional,
        key="youtube",
        name="YouTube",
        vendor="Google LLC",
        recipe="youtube",
        snippet="",
        placement="manual",
    )
    policy.refresh_from_db()
    return policy


def write(source: str, request: HttpRequest | None = None, **context: Any) -> str:
    request = request or page_request()
    return engines["django"].from_string("{% load consent %}" + source).render(context, request)


def live(markup: str) -> str:
    """Return what of the markup is not in a template of ours."""
    return re.sub(r"<template[^>]*>[^<]*</template>", "", markup)


class _Scanner(HTMLParser):
    """Looks ahead for what to fetch and run as a browser may: in templates, too."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts += data


def scan(markup: str) -> _Scanner:
    scanner = _Scanner()
    scanner.feed(markup)
    return scanner


def addresses(markup: str) -> list[str]:
    """Return the addresses in the markup's elements, those in templates included."""
    return scan(markup).addresses


def attributes_of(markup: str, name: str) -> list[str]:
    """Return the values of an attribute, as a browser reads them."""
    return [unescape(value) for value in re.findall(f'{name}="([^"]*)"', markup)]


def scripts(markup: str) -> str:
    """Return the code of the markup's inline scripts, those in templates included."""
    return scan(markup).scripts


def fields(markup: str) -> dict[str, str]:
    """Return what the placeholder's form sends."""
    form = markup.partition("data-consent-ask>")[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    return {name: unescape(value) for name, value in found}


# What a page gets


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("granted", [None, (), ("advertising", "marketing-analytics")])
def test_nothing_of_a_vendor_is_live_before_it_is_allowed(policy, settings, delivery, granted):
    settings.CONSENT_DELIVERY = delivery
    cookie = "" if granted is None else grant(*granted)

    markup = write(TAG + BLOCK, page_request(cookie))

    assert ADDRESS in markup
    assert "talk()" in markup
    assert "youtube-nocookie" not in live(markup)
    assert "ytimg" not in markup
    assert "talk()" not in live(markup)
    assert "talk()" not in scripts(markup)
    assert not [address for address in addresses(markup) if "youtube-nocookie" in address]
    assert live(markup).count("Load once") == live(markup).count("Always allow “Functional”") == 2


def test_it_is_written_as_it_is_once_it_is_allowed(policy):
    markup = write(TAG + BLOCK, page_request(grant("functional")))

    assert f'<iframe src="{ADDRESS}" title="Our ferry"' in live(markup)
    assert "<b>talk</b><script>talk()</script>" in live(markup)
    assert "Load once" not in markup


@pytest.fixture
def twitch(policy) -> Policy:
    """The policy, with an embed whose address contains the host of the page."""
    functional = Category.objects.get(key="functional")
    ToolFactory(category=functional, key="twitch", recipe="twitch", snippet="", placement="manual")
    policy.refresh_from_db()
    return policy


STREAM = '{% consent_embed "twitch" channel="ferries" title="Our ferry" %}'


@pytest.mark.parametrize(
    ("host", "parent"),
    [("testserver", "testserver"), ("testserver:8000", "testserver"), ("evil.example", "")],
)
def test_host_of_the_page_is_told_where_it_is_one_of_the_site(twitch, host, parent):
    request = page_request(grant("functional", at=twitch.revision), headers={"Host": host})

    markup = live(write(STREAM, request))

    said = f"channel=ferries&amp;parent={parent}&amp;" if parent else "channel=ferries&amp;autoplay"
    assert f'<iframe src="https://player.twitch.tv/?{said}' in markup


def test_host_of_the_page_is_told_by_load_once(twitch):
    form = fields(write(STREAM))

    page = post(ONCE, {**form, "action": "once"}).content.decode()

    assert "https://player.twitch.tv/?channel=ferries&amp;parent=testserver&amp;" in live(page)


def test_tool_that_is_newer_than_the_grant_waits(policy):
    assert "<iframe" not in live(write(TAG, page_request(grant("functional", at=2))))


def test_cacheable_page_is_the_same_for_everybody(policy, settings):
    settings.CONSENT_DELIVERY = "cacheable"
    cookies = ("", grant(), grant(*OPTIONAL))

    pages = {write("{% consent_head %}" + TAG + BLOCK, page_request(each)) for each in cookies}

    assert len(pages) == 1
    assert "<iframe" not in live(pages.pop())


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_essential_block_needs_no_placeholder(policy, settings, delivery):
    settings.CONSENT_DELIVERY = delivery

    markup = write('{% consentblock "essential" %}<b>x</b>{% endconsentblock %}')

    assert "<b>x</b>" in live(markup)
    assert "Load once" not in markup


def test_placeholder_tells_what_vendor_category_and_purpose(policy):
    markup = live(write(TAG))

    assert 'role="group" aria-label="Our ferry"' in markup
    assert "<b>Our ferry</b>" in markup
    assert "YouTube, Google LLC." in " ".join(markup.split())
    assert "Functional: To do what Functional is for." in markup
    assert 'href="https://vendor.example/privacy"' in markup


def test_placeholder_of_a_category_names_all_of_its_vendors(policy):
    markup = " ".join(write('{% consentblock "functional" %}x{% endconsentblock %}').split())

    assert "Chat, Example Ltd;" in markup
    assert "YouTube, Google LLC." in markup
    assert 'aria-label="Functional"' in markup


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_placeholder_is_kept_for_each_language(policy, language):
    write(TAG)
    with translation.override(language):
        assert "Privacy policy for" not in write(TAG)
    assert "Privacy policy for" in write(TAG)


def test_title_is_escaped_wherever_it_lands(policy):
    nasty = f'"><script>x()</script>{NONCE}\1&'

    for cookie in ("", grant("functional")):
        request = page_request(cookie)
        request._csp_nonce = "Secret1"  # type: ignore[attr-defined]
        markup = write(TAG.replace('"Our ferry"', "nasty"), request, nasty=nasty)

        assert "<script>x()" not in markup
        assert "&quot;&gt;&lt;script&gt;x()&lt;/script&gt;&amp;" in markup
        assert markup.count("Secret1") == markup.count('nonce="Secret1"') == 1


@pytest.mark.parametrize("ratio", ["16:9", "4:3", "9:16"])
def test_frame_keeps_the_same_room_before_and_after(policy, ratio):
    tag = TAG.replace("%}", f'ratio="{ratio}" %}}')
    room = f'<svg viewBox="0 0 {ratio.replace(":", " ")}" aria-hidden="true"></svg>'

    assert room in live(write(tag))
    assert room in live(write(tag, page_request(grant("functional"))))
    assert "style=" not in write(tag)


def test_a_block_has_the_room_that_it_is_given(policy):
    assert "<svg" not in write(BLOCK)
    assert '<svg viewBox="0 0 4 3"' in write(BLOCK.replace('"chat"', '"chat" ratio="4:3"'))


def test_values_may_be_variables_and_numbers(policy):
    ToolFactory(
        recipe="vimeo", snippet="", key="vimeo", category=Category.objects.get(key=OPTIONAL[0])
    )

    markup = write(
        '{% consent_embed "vimeo" id=123456789 hash=none title=title %}', none=None, title=7
    )

    assert 'src="https://player.vimeo.com/video/123456789?dnt=1" title="7"' in unescape(markup)


# What is wrong

WRONG = {
    "a value": TAG.replace(VIDEO, "short"),
    "a parameter": TAG.replace("id=", 'autoplay="1" id='),
    "no value": TAG.replace(f'id="{VIDEO}"', ""),
    "no title": TAG.replace("Our ferry", " "),
    "a ratio": TAG.replace("%}", 'ratio="16/9" %}'),
    "a block's ratio": BLOCK.replace('"chat"', '"chat" ratio="wide"'),
    "no embed": TAG.replace('"youtube"', '"chat"'),
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_raised_while_developing_and_logged_elsewhere(
    policy, settings, caplog, source
):
    written = write(source)
    assert "iframe" not in written
    assert "<template" not in written
    assert "cannot be written" in caplog.text
    settings.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match="cannot be written: "):
        write(source)


def test_an_editor_sees_which_value_is_wrong(policy):
    source = '{% consent_embed "youtube" id=entered title="Our <b>" %}'

    written = write(source, entered="<script>x()</script>")

    assert written == (
        "<p>“Our &lt;b&gt;” cannot be shown: “&lt;script&gt;x()&lt;/script&gt;” is not a valid "
        "value for Video. It looks like this: aBcDeFgHiJk</p>"
    )


@pytest.mark.parametrize("source", [TAG, BLOCK])
@pytest.mark.parametrize("debug", [False, True])
def test_unknown_or_disabled_tool_leaves_nothing_and_a_line_in_the_log(
    policy, settings, caplog, source, debug
):
    settings.DEBUG = debug
    caplog.set_level("INFO", "consent")
    policy.categories.get(key="functional").tools.switch_off()
    policies.forget()

    assert write(source, page_request(grant(*OPTIONAL))) == ""
    assert "nothing is written for it" in caplog.text


def test_without_a_policy_nothing_is_written(policy):
    no_policy()

    assert write(TAG + BLOCK) == ""


@pytest.mark.parametrize(
    "tag", ["", "title='x'", '"chat" "more"', '"chat" width="3"', '"chat" ratio']
)
def test_block_wants_a_key_and_knows_title_and_ratio(policy, tag):
    with pytest.raises(TemplateSyntaxError):
        write(f"{{% consentblock {tag} %}}x{{% endconsentblock %}}")


# Blocks


def test_block_of_a_category_without_tools_names_no_sender(policy):
    block = '{% consentblock "functional" title="Chat" %}x{% endconsentblock %}'
    assert "This content comes from:" in write(block)

    policy.categories.get(key="functional").tools.all().delete()
    policies.forget()

    written = write(block)
    assert "This content comes from:" not in written
    assert "Always allow “Functional”" in written


INSIDES = {
    "an end of the template": "</template><img src=x.png><script>x()</script>",
    "a comment": "<!-- -- > <template> --></template><img src=x.png><script>x()</script>",
    "what browsers fetch ahead": "<div></div><img src=x.png><link href=x.png><script>x()</script>",
}


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("tag", ["consentblock", "ifconsent"])
@pytest.mark.parametrize("inside", INSIDES.values(), ids=INSIDES)
def test_nothing_in_a_part_that_waits_is_markup_to_any_parser(
    policy, settings, delivery, tag, inside
):
    settings.CONSENT_DELIVERY = delivery

    markup = write(f'{{% {tag} "chat" %}}{inside}{{% end{tag} %}}')

    assert "x.png" not in addresses(markup)
    assert "x()" not in scripts(markup)
    if (tag, delivery) != ("ifconsent", "server"):
        assert inside in unescape(markup)


MINIFIERS: dict[str, Callable[[str], str]] = {
    "joins lines and blanks": lambda page: re.sub(r"\s+", " ", page),
    "strips lines": lambda page: "".join(line.strip() for line in page.splitlines()),
    "removes blanks between tags": lambda page: re.sub(r">\s+<", "><", page),
    "removes comments": lambda page: re.sub(r"<!--.*?-->", "", page, flags=re.S),
}
FRAGILE = """<pre>
\tone   two
  three
</pre><!-- kept --> <script>
  // let x = "<b>" && 'y';
  let y = `a

  \xa0 \u2003 b`;
</script>   <textarea>
 a </textarea>
"""


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("tag", ["consentblock", "ifconsent"])
@pytest.mark.parametrize("minify", MINIFIERS.values(), ids=MINIFIERS)
def test_markup_that_waits_survives_minifiers(policy, settings, delivery, tag, minify):
    settings.CONSENT_DELIVERY = delivery
    nested = f'{{% {tag} "chat" %}}{FRAGILE}{{% end{tag} %}}'

    for source in (nested, f'{{% {tag} "advertising" %}}<p>{nested}</p>{{% end{tag} %}}'):
        waiting = attributes_of(minify(write(source)), "data-consent-markup")
        assert waiting == attributes_of(write(source), "data-consent-markup")
        if (tag, delivery) != ("ifconsent", "server"):
            innermost = attributes_of(waiting[0], "data-consent-markup") or waiting
            assert innermost == [FRAGILE]


def test_script_style_and_nested_blocks_stay_in_their_template(policy):
    inside = "<style>a > b {}</style><script>'<b>'</script>"

    markup = write(
        '{% consentblock "chat" %}' + inside + TAG + "{% endconsentblock %}<p>after</p>" + BLOCK
    )

    assert inside in unescape(markup)
    assert live(markup).count("data-consent-embed=") == 2
    assert "<p>after</p>" in live(markup)
    assert markup.count("data-consent-if=") == markup.count("data-consent-end") == 3


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_what_a_nested_placeholder_needs_is_also_outside(policy, settings, delivery):
    settings.CONSENT_DELIVERY = delivery

    markup = live(
        write('{% ifconsent "pixel" %}' + TAG + "{% endifconsent %}" + TAG + "{% consent_body %}")
    )

    for name in (assets.EMBED_SCRIPT, assets.EMBED_STYLESHEET, assets.STYLESHEET):
        assert markup.count(name) == 1


def test_part_is_not_rendered_for_a_key_that_is_none(policy):
    def fail() -> str:
        raise AssertionError

    assert write("{% consentblock 'none' %}{{ fail }}{% endconsentblock %}", fail=fail) == ""


def test_block_gives_no_nonce_away(policy):
    request = page_request(grant(*OPTIONAL))
    request._csp_nonce = "Secret1"  # type: ignore[attr-defined]

    markup = write('{% consentblock "chat" %}{{ x|safe }}{% endconsentblock %}', request, x=NONCE)

    assert markup.count("Secret1") == markup.count('nonce="Secret1"')


# The script and the styles


def test_script_and_styles_come_once_with_the_first(policy):
    markup = write("{% consent_head %}" + TAG + TAG + BLOCK + "{% consent_body %}")

    for name in (assets.EMBED_SCRIPT, assets.EMBED_STYLESHEET, assets.STYLESHEET, assets.SCRIPT):
        assert markup.count(name) == 1
    assert re.search(rf'<script src="[^"]*{assets.EMBED_SCRIPT}"\s+defer></script>', markup)


def test_head_has_the_script_only_where_the_policy_has_embeds(policy):
    assert assets.EMBED_SCRIPT in write("{% consent_head %}")
    assert assets.EMBED_STYLESHEET not in write("{% consent_head %}")

    policy.categories.get(key="functional").tools.switch_off()
    policies.forget()

    assert assets.EMBED_SCRIPT not in write("{% consent_head %}")


def test_warm_page_makes_no_query(policy, django_assert_num_queries):
    write(TAG + BLOCK)

    with django_assert_num_queries(0):
        write(TAG + BLOCK)
        write(TAG + BLOCK, page_request(grant("functional")))


# Jinja2


def test_functions_for_jinja2_write_the_same(policy):
    for cookie in ("", grant("functional")):
        embed = tags.FUNCTIONS["consent_embed"]
        markup = embed(page_request(cookie), "youtube", id=VIDEO, title="Our ferry")
        assert markup == write(TAG, page_request(cookie))

        part = SafeString("<b>talk</b><script>talk()</script>")
        assert tags.FUNCTIONS["consent_block"](page_request(cookie), "chat", part) == write(
            BLOCK, page_request(cookie)
        )


def test_function_escapes_text_that_is_not_safe(policy):
    request = page_request(grant("functional"))

    assert "&lt;b&gt;" in embeds.consent_block(request, "chat", "<b>")


# “Load once” without JavaScript


def post(path: str, data: dict[str, str], cookie: str = "", **options: Any) -> Any:
    client = Client(enforce_csrf_checks=True)
    if cookie:
        client.cookies["consent"] = cookie
    options.setdefault("headers", SAME_ORIGIN)
    return client.post(path, data, **options)


def test_form_of_the_placeholder_shows_this_embed_on_a_page_of_its_own(policy):
    form = fields(write(TAG, page_request(path="/journal/?from=here")))

    response = post(ONCE, {**form, "action": "once"})

    page = response.content.decode()
    assert response.status_code == 200
    assert f'<iframe src="{ADDRESS}" title="Our ferry"' in live(page)
    assert 'href="/journal/?from=here"' in page
    assert "no-store" in response["Cache-Control"]
    assert response["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("cookie", ["", "nonsense", "refused"])
def test_load_once_stores_nothing_and_decides_nothing(policy, cookie):
    cookie = grant() if cookie == "refused" else cookie
    form = fields(write(TAG))

    response = post(ONCE, form, cookie)

    assert response.status_code == 200
    assert not response.cookies
    assert Record.objects.count() == 0
    assert "<iframe" not in live(write(TAG, page_request(cookie)))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
def test_no_other_website_makes_a_visitor_load_anything(policy, headers):
    response = post(ONCE, fields(write(TAG)), headers=headers)

    assert response.status_code == 403
    assert "<iframe" not in response.content.decode()
    assert "not sent from a page of this site" in response.content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_no_link_makes_a_visitor_load_anything(policy, method):
    response = getattr(Client(), method)(ONCE, fields(write(TAG)), headers=SAME_ORIGIN)

    assert response.status_code == 405
    assert "POST" in response["Allow"]
    assert "Our ferry" not in response.content.decode()
    assert VIDEO not in response.content.decode()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tool": "chat"}, "no longer offered"),
        ({"tool": "none"}, "no longer offered"),
        ({"tool": ""}, "no longer offered"),
        ({"embed-id": "https://evil.example/"}, "is not a valid value for Video"),
        ({"embed-id": ""}, "Video is missing"),
        ({"embed-autoplay": "1"}, "“autoplay” is not a parameter of YouTube"),
        ({"title": ""}, "The title is missing"),
        ({"ratio": "<b>"}, "is no ratio"),
        ({"ratio": "0:1"}, "is no ratio"),
    ],
)
def test_wrong_form_is_refused_with_a_reason(policy, change, reason):
    response = post(ONCE, {**fields(write(TAG)), **change})

    page = response.content.decode()
    assert response.status_code == 400
    assert reason in page
    assert "<iframe" not in page
    assert "<b>:" not in page


def test_a_choice_made_on_the_page_of_an_embed_leads_back_to_where_it_stands(policy):
    form = fields(write(TAG, page_request(path="/journal/?a=b&c")))

    page = post(ONCE, form).content.decode()

    assert set(re.findall(r'name="next" value="([^"]*)"', page)) == {"/journal/?a=b&amp;c"}


def test_page_of_an_embed_does_not_lead_to_another_website(policy):
    response = post(ONCE, {**fields(write(TAG)), "next": "https://evil.example/"})

    assert "evil.example" not in response.content.decode()


def test_a_block_offers_load_once_only_with_its_script(policy):
    assert re.search(r'value="once"[^>]*hidden', write(BLOCK))
    assert not re.search(r'value="once"[^>]*hidden', write(TAG))
    assert "tool" not in fields(write(BLOCK))


# “Always allow” without JavaScript


def decided(response: Any) -> dict[str, int]:
    decision = parse(response.cookies["consent"].value)
    assert decision is not None
    return dict(decision.choices)


def test_always_allow_grants_its_category_and_leaves_the_others(policy):
    form = {**fields(write(TAG, page_request(path="/journal/"))), "action": "allow"}

    response = post(PREFERENCES, form, grant("advertising"))

    assert (response.status_code, response["Location"]) == (303, "/journal/#dcp-status")
    revision = policy.revision
    choices = decided(response)
    assert choices == {"functional": revision, "marketing-analytics": 0, "advertising": revision}
    (record,) = Record.objects.all()
    assert record.source == Record.Source.FORM
    assert "<iframe" in live(write(TAG, page_request(response.cookies["consent"].value)))


def test_always_allow_decides_nothing_else_for_who_has_not_chosen(policy):
    response = post(PREFERENCES, {**fields(write(TAG)), "action": "allow"})

    assert decided(response) == {"functional": policy.revision}


def test_always_allow_covers_only_what_the_page_showed(policy):
    form = {**fields(write(TAG)), "action": "allow"}
    ToolFactory(category=Category.objects.get(key="functional"), key="newcomer")

    response = post(PREFERENCES, form)

    request = page_request(response.cookies["consent"].value)
    assert "<iframe" in live(write(TAG, request))
    assert not request.consent.allows("newcomer")  # type: ignore[attr-defined]


@pytest.mark.parametrize("offered", [True, False])
def test_always_allow_takes_back_the_refusal_of_this_tool_alone(policy, offered):
    Policy.objects.update(tool_choices=offered)
    policies.forget()
    cookie = chosen(
        {"functional": policy.revision, "chat": 0, "youtube": 0}, revision=policy.revision
    )
    form = {**fields(write(TAG, page_request(cookie))), "action": "allow"}
    assert "<iframe" not in live(write(TAG, page_request(cookie)))

    response = post(PREFERENCES, form, cookie)

    assert decided(response) == {"functional": policy.revision, "chat": 0}
    assert "<iframe" in live(write(TAG, page_request(response.cookies["consent"].value)))


def test_always_allow_of_a_category_s_block_takes_no_refusal_back(policy):
    cookie = chosen({"functional": 2, "chat": 0}, revision=policy.revision)
    form = fields(write('{% consentblock "functional" %}x{% endconsentblock %}'))

    assert "tools" not in form
    assert decided(post(PREFERENCES, {**form, "action": "allow"}, cookie))["chat"] == 0


def test_placeholder_names_the_version_of_the_region_it_is_shown_in(policy, settings):
    settings.CONSENT_REGION = {"country": "X-Country"}
    RegionRule.objects.create(policy=policy, regions="US", regime="implied")
    policies.forget()
    regimes = {"US": "implied", "DE": "opt_in"}

    for country, regime in regimes.items():
        request = page_request(grant(), HTTP_X_COUNTRY=country)

        shown = fields(write(TAG, request))["version"]

        assert shown == version_of(policies.current(), regime).name


@pytest.mark.parametrize("choices", ["no-such-category", "<b>"])
def test_always_allow_of_what_is_none_is_refused(policy, choices):
    response = post(PREFERENCES, {"action": "allow", "choices": choices})

    assert response.status_code == 400
    assert "consent" not in response.cookies


def test_always_allow_of_nothing_is_refused(policy):
    response = post(PREFERENCES, {"action": "allow"}, grant("advertising"))

    assert response.status_code == 400
    assert "consent" not in response.cookies


def test_always_allow_of_another_website_is_refused(policy):
    form = {**fields(write(TAG)), "action": "allow"}

    response = post(PREFERENCES, form, headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403
    assert "consent" not in response.cookies
