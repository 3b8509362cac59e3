"""What the tags write into a page, in Django's templates and in Jinja2's."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import django
import jinja2
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.template import TemplateSyntaxError, engines
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import translation
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import demo_site.urls
from consent.models import Category, Policy, Tool
from consent.models.legal_basis import LEGAL_BASES
from consent.pages import assets
from consent.pages import template_functions as tags
from consent.pages.consent_signals import code_for_script
from tests.factories import CategoryFactory, CookieFactory, PolicyFactory, ToolFactory
from tests.helpers import (
    ANALYTICS,
    CAPTCHA,
    CHAT,
    ESSENTIAL_TOOLS,
    GUARD,
    OPTIONAL,
    PIXEL,
    TOOLS,
    TOOLS_OF,
    chosen,
    consent_in,
    grant,
    no_policy,
    page_request,
    small_site,
    tool_scripts,
    vary,
)

pytestmark = pytest.mark.django_db

JINJA2 = {
    "BACKEND": "django.template.backends.jinja2.Jinja2",
    "OPTIONS": {"environment": "tests.pages.test_tags.jinja2_environment"},
}
TAGS: tuple[tuple[str, ...], ...] = (
    ("consent_head",),
    ("consent_body",),
    ("consent_tool", CHAT),
    ("consent_policy",),
    ("consent_preferences_button",),
)
PAGE = "{% load consent %}{% consent_head %}{% consent_tool 'captcha' %}{% consent_body %}"

Render = Callable[..., str]


def jinja2_environment(autoescape: bool, **options: Any) -> jinja2.Environment:
    environment = jinja2.Environment(autoescape=True, **options)
    environment.globals.update(tags.FUNCTIONS)
    return environment


def django_render(request: HttpRequest | None, tag: str, *arguments: str) -> str:
    words = " ".join([tag, *(f'"{argument}"' for argument in arguments)])
    return render_page(request, f"{{% load consent %}}{{% {words} %}}")


def jinja2_render(request: HttpRequest | None, tag: str, *arguments: str) -> str:
    words = ", ".join(["page", *(f'"{argument}"' for argument in arguments)])
    template = engines["jinja2"].from_string(f"{{{{ {tag}({words}) }}}}")
    return template.render({"page": request})


def render_page(request: HttpRequest | None, source: str = PAGE, **context: Any) -> str:
    return engines["django"].from_string(source).render(context, request)


@pytest.fixture(params=[django_render, jinja2_render])
def render(request: pytest.FixtureRequest, settings) -> Any:
    """Write one tag's part of a page, as a template of either kind does."""
    settings.TEMPLATES = [*settings.TEMPLATES, JINJA2]
    return request.param


@pytest.fixture(autouse=True)
def _every_edit_shows_at_once(settings):
    settings.CONSENT_POLICY_MAX_AGE = 0


@pytest.fixture
def policy() -> Policy:
    return small_site()


class Elements(HTMLParser):
    """Every start tag of a page, as a browser without scripts reads it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def written(request: HttpRequest) -> HttpResponse:
    """Return the response that leaves after what was rendered for this request."""
    response = HttpResponse()
    consent_in(request).finish(response)
    return response


# Where tools are written


def test_head_has_the_apps_files_and_the_allowed_tools_that_belong_there(policy, render):
    markup = render(page_request(grant(*OPTIONAL)), "consent_head")

    assert assets.SCRIPT in markup
    assert assets.STYLESHEET not in markup
    assert tool_scripts(markup) == {CHAT, ANALYTICS, GUARD}


def test_body_has_the_allowed_tools_that_belong_there(policy, render):
    markup = render(page_request(grant(*OPTIONAL)), "consent_body")

    assert tool_scripts(markup) == {PIXEL}


def test_tool_is_written_where_a_template_asks_for_it(policy, render):
    assert tool_scripts(render(page_request(), "consent_tool", CAPTCHA)) == {CAPTCHA}


def test_stylesheet_is_on_a_page_once_ahead_of_what_it_is_for(policy):
    markup = render_page(
        page_request(),
        "{% load consent %}{% consent_head %}<main></main>{% consent_policy %}"
        "{% consent_preferences_button %}{% consent_body %}",
    )

    assert markup.count('rel="stylesheet"') == 1
    assert markup.index("<main>") < markup.index('rel="stylesheet"') < markup.index('class="dcp')


@pytest.mark.parametrize("granted", [(), *((key,) for key in OPTIONAL), OPTIONAL])
def test_page_has_the_code_of_exactly_what_is_allowed(policy, granted):
    markup = render_page(page_request(grant(*granted)))

    assert tool_scripts(markup) == {*(TOOLS_OF[key] for key in granted), *ESSENTIAL_TOOLS}


def test_page_for_an_undecided_visitor_has_only_what_is_essential(policy):
    assert tool_scripts(render_page(page_request())) == ESSENTIAL_TOOLS


def test_page_for_an_undecided_visitor_under_the_implied_regime_has_everything():
    small_site(implied=True)

    assert tool_scripts(render_page(page_request())) == set(TOOLS)


def test_server_side_tool_leaves_nothing_on_the_page(policy, render):
    ToolFactory(category=Category.objects.get(key="essential"), key="hook", server=True)

    assert render(page_request(), "consent_tool", "hook") == ""
    assert "hook" not in tool_scripts(render_page(page_request()), ["hook"])


@pytest.mark.parametrize(
    "source",
    [
        "{% consent_head %}{% consent_tool 'chat' %}{% consent_tool 'chat' %}{% consent_body %}",
        "{% consent_tool 'chat' %}{% consent_head %}{% consent_head %}",
        "{% consent_head %}{% consent_head %}",
    ],
)
def test_tool_is_written_once_a_page(policy, source):
    markup = render_page(page_request(grant("functional")), "{% load consent %}" + source)

    assert markup.count(f'data-consent-tool="{CHAT}"') == 1
    assert markup.count(f'data-consent-tool="{GUARD}"') <= 1


def test_refused_tool_leaves_an_empty_slot_where_it_was_asked_for(policy, render):
    markup = render(page_request(grant()), "consent_tool", CHAT)

    assert markup == f'<template data-consent-slot="{CHAT}"></template>'


def test_unknown_tool_leaves_nothing_and_a_line_in_the_log(policy, render, caplog, settings):
    settings.DEBUG = True
    caplog.set_level("INFO", "consent")

    assert render(page_request(), "consent_tool", "no-such-tool") == ""
    assert "'no-such-tool'" in caplog.text


def test_disabled_tool_leaves_nothing(policy, render):
    Tool.objects.filter(key=CAPTCHA).switch_off()

    assert render(page_request(grant(*OPTIONAL)), "consent_tool", CAPTCHA) == ""


# Pages that a script fetches


def fetched(cookie: str) -> HttpRequest:
    return page_request(cookie, headers={"Sec-Fetch-Dest": "empty"})


def test_tools_of_a_fetched_page_arrive_inert(policy):
    markup = render_page(fetched(grant(*OPTIONAL)))

    assert tool_scripts(markup) == set(TOOLS)
    for key in TOOLS:
        before, _, after = markup.partition(f'<template data-consent-slot="{key}"><script')
        assert f'data-consent-tool="{key}"' in after.partition("</template>")[0]
        assert f'data-consent-tool="{key}"' not in before


def test_fetched_page_has_no_code_of_refused_tools(policy):
    assert tool_scripts(render_page(fetched(grant()))) == ESSENTIAL_TOOLS


@pytest.mark.parametrize("source", [PAGE, "{% load consent %}{% consent_tool 'captcha' %}"])
@pytest.mark.parametrize("destination", ["empty", "document", None])
def test_page_says_that_it_depends_on_who_fetches_it(policy, source, destination):
    headers = {"Sec-Fetch-Dest": destination} if destination else {}
    request = page_request(headers=headers)
    render_page(request, source)

    # A script's own request is never made before the page is seen.
    purpose = set() if destination == "empty" else {"Sec-Purpose"}
    assert vary(written(request)) == {"Cookie", "Sec-Fetch-Dest"} | purpose


def prerendered(cookie: str) -> HttpRequest:
    return page_request(cookie, headers={"Sec-Purpose": "prefetch;prerender"})


def test_what_is_rendered_before_it_is_seen_arrives_inert(policy):
    embedded = PAGE + '{% ifconsent "functional" %}<b>yes</b>{% else %}no{% endifconsent %}'
    markup = render_page(prerendered(grant("functional")), embedded)

    before, _, after = markup.partition(f'<template data-consent-slot="{CHAT}"><script')
    assert f'data-consent-tool="{CHAT}"' not in before
    assert after
    assert "<b>yes</b>" not in markup
    assert "&lt;b&gt;yes&lt;/b&gt;" in markup
    assert PIXEL not in tool_scripts(markup)


@pytest.mark.parametrize("purpose", ["prefetch", ""])
def test_what_is_only_fetched_before_it_is_needed_has_tools_that_start(policy, purpose):
    request = page_request(headers={"Sec-Purpose": purpose})

    assert "data-consent-slot" not in render_page(request)


@pytest.mark.parametrize("destination", ["document", "iframe", "Empty", ""])
def test_page_that_a_browser_opens_has_tools_that_start(policy, destination):
    request = page_request(headers={"Sec-Fetch-Dest": destination})

    assert "data-consent-slot" not in render_page(request)


# Parts of a page


def test_undecided_visitor_gets_the_notice_and_a_decided_one_does_not(policy, render):
    assert 'id="dcp-notice"' in render(page_request(), "consent_body")
    assert 'id="dcp-notice"' not in render(page_request(grant()), "consent_body")


def test_notice_tells_each_visitor_what_is_new_to_them(policy):
    ToolFactory(category=Category.objects.get(key="functional"), key="newer", name="Newer")
    revision = Policy.objects.get().revision

    def notice(at: int) -> str:
        choices = {"functional": at, "marketing-analytics": revision, "advertising": revision}
        markup = render_page(page_request(chosen(choices, revision=revision)))
        return markup[: markup.index("dcp-preferences")]

    assert "<b>Functional</b>" not in notice(1)
    assert "<b>Newer</b>" in notice(1)
    assert "<b>Chat</b>" in notice(1)
    assert "<b>Newer</b>" in notice(2)
    assert "<b>Chat</b>" not in notice(2)
    assert "dcp-notice" not in notice(revision)


def test_notice_offers_to_refuse_just_as_it_offers_to_accept(policy):
    markup = tags.consent_body(page_request()).partition("</section>")[0]
    accept, reject = (
        button for button in Elements(markup).all("button") if button.get("name") == "action"
    )

    assert (accept.pop("value"), reject.pop("value")) == ("accept-all", "reject-all")
    assert accept == reject
    assert not Elements(markup).all("dialog")
    assert {field["type"] for field in Elements(markup).all("input")} == {"hidden"}


def test_every_form_to_choose_with_says_which_revision_it_showed(policy):
    forms = tags.consent_body(page_request()).split("<form ")[1:]
    choosing = [form for form in forms if 'method="post"' in form]

    assert len(choosing) == 2
    for form in choosing:
        assert f'<input type="hidden" name="revision" value="{policy.revision}">' in form


def test_notice_names_what_is_new(policy, render):
    cookie = grant("functional")
    ToolFactory(category=Category.objects.get(key="functional"), name="Bright & New")

    assert (
        "Bright &amp; New"
        in render(page_request(cookie), "consent_body").partition("</section>")[0]
    )


def test_no_box_of_the_dialog_is_ticked_by_the_server(policy):
    boxes = [
        box
        for box in Elements(tags.consent_body(page_request())).all("input")
        if box["type"] == "checkbox"
    ]

    assert [box["value"] for box in boxes] == list(OPTIONAL)
    assert not any("checked" in box for box in boxes)


def test_status_says_what_was_chosen(policy, render):
    status = render(page_request(grant("functional")), "consent_body").partition("dcp-status")[2]

    assert "You allow: Functional. You do not allow: Marketing analytics, Advertising." in " ".join(
        status.split()
    )


def test_policy_with_nothing_to_choose_shows_neither_notice_nor_dialog(render):
    ToolFactory(category=CategoryFactory(essential=True), key=GUARD, placement="body")

    markup = render(page_request(), "consent_body")

    assert tool_scripts(markup) == {GUARD}
    assert "dcp-" not in markup


def test_without_a_policy_the_page_has_the_apps_files_and_no_tool(render):
    no_policy()

    assert assets.SCRIPT in render(page_request(), "consent_head")
    assert render(page_request(), "consent_body") == ""
    assert render(page_request(), "consent_tool", CHAT) == ""


def test_policy_table_tells_of_every_category_tool_and_cookie(policy, render):
    CookieFactory(tool=Tool.objects.get(key=PIXEL), name="_px_x", retention="3 weeks")
    table = render(page_request(), "consent_policy")

    for category in policy.categories.all():
        assert category.name in table
        assert category.purpose in table
    for tool in policy.tools.all():
        assert f"<summary>{tool.name}</summary>" in table
        assert tool.vendor in table
        assert tool.privacy_url in table
    assert all(text in table for text in ("_px_x", "_px_*", "px_state", "ad_id", "3 weeks"))


def test_policy_table_escapes_what_editors_wrote(render):
    nasty = "<script>alert(1)</script>\"'&"
    tool = ToolFactory(name=nasty, vendor=nasty, category__name=nasty, category__purpose=nasty)
    CookieFactory(tool=tool, retention=nasty, purpose=nasty)
    PolicyFactory(key="default")

    table = render(page_request(), "consent_policy")

    assert not Elements(table).all("script")
    assert table.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7


def test_dialog_and_notice_escape_what_editors_wrote(render):
    nasty = "<script>alert(1)</script>\"'&"
    ToolFactory(name=nasty, category__name=nasty, category__purpose=nasty, placement="manual")
    Policy.objects.update(notice_text=nasty, policy_url=f"/{nasty}")

    assert not Elements(render(page_request(), "consent_body")).all("script")


@pytest.mark.parametrize("tag", ["consent_policy", "consent_preferences_button"])
def test_what_depends_on_no_visitor_does_not_vary(policy, render, tag):
    request = page_request(grant("functional"))
    render(request, tag)

    assert vary(written(request)) == set()


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "/plain/?page=2",
        '/it\'s/"quoted"/<script>alert(1)</script>/',
        "/?q=\"><script>alert(1)</script>&x='",
        "/\x01/\x00/",
        "/ü/?ü=1#not-sent",
        "/?a&lt;b&quot;c",
        "//evil.example/x",
    ],
)
@pytest.mark.parametrize("tag", ["consent_preferences_button", "consent_body"])
def test_address_of_the_page_is_a_value_and_nothing_else(policy, render, tag, address):
    request = page_request(path=address)
    elements = Elements(render(request, tag))

    fields = [field["value"] for field in elements.all("input") if field["name"] == "next"]
    assert fields
    assert set(fields) == {request.get_full_path()}
    assert not elements.all("script")


# The nonce


def with_django_csp(request: HttpRequest, settings) -> str:
    from csp.middleware import CSPMiddleware

    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"script-src": ["'self'"]}}
    CSPMiddleware(lambda request: HttpResponse()).process_request(request)
    return str(request.csp_nonce)


def with_djangos_csp(request: HttpRequest, settings) -> str:
    from django.middleware.csp import ContentSecurityPolicyMiddleware, get_nonce

    ContentSecurityPolicyMiddleware(lambda request: HttpResponse()).process_request(request)
    return str(get_nonce(request))


# Django has its own since 6.0.
with_csp = pytest.mark.parametrize(
    "csp", [with_django_csp, with_djangos_csp] if django.VERSION >= (6, 0) else [with_django_csp]
)


@with_csp
def test_every_script_has_the_requests_nonce(policy, settings, csp):
    request = page_request(grant(*OPTIONAL))
    nonce = csp(request, settings)

    scripts = Elements(render_page(request)).all("script")

    assert nonce
    assert len(scripts) >= 1 + len(TOOLS)
    assert {script["nonce"] for script in scripts} == {nonce}


@with_csp
def test_each_request_gets_its_own_nonce(policy, settings, csp):
    pages = []
    for _ in range(2):
        request = page_request(grant(*OPTIONAL))
        nonce = csp(request, settings)
        pages.append((nonce, render_page(request)))

    (first, first_page), (second, second_page) = pages
    assert first != second
    assert first not in second_page
    assert second not in first_page


@pytest.mark.parametrize("name", ["csp_nonce", "_csp_nonce"])
def test_nonce_is_escaped(policy, name):
    request = page_request(grant(*OPTIONAL))
    setattr(request, name, '"><script>alert(1)</script>')

    scripts = Elements(render_page(request)).all("script")

    assert {script["nonce"] for script in scripts} == {'"><script>alert(1)</script>'}


@pytest.mark.parametrize("nonce", [None, ""])
def test_without_a_nonce_there_is_no_nonce_attribute_and_no_placeholder(policy, nonce):
    request = page_request(grant(*OPTIONAL))
    request.csp_nonce = nonce

    markup = render_page(request)

    assert "nonce=" not in markup
    assert "\0" not in markup


# {% ifconsent %}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("functional", "yes"),
        (CHAT, "yes"),
        (GUARD, "yes"),
        ("essential", "yes"),
        ("advertising", "no"),
        (PIXEL, "no"),
        ("no-such-thing", "no"),
    ],
)
def test_condition_is_by_category_or_tool(policy, settings, key, text):
    settings.TEMPLATES = [*settings.TEMPLATES, JINJA2]
    request = page_request(grant("functional"))
    tag = f'{{% load consent %}}{{% ifconsent "{key}" %}}yes{{% else %}}no{{% endifconsent %}}'
    function = f'{{% if if_consent(request, "{key}") %}}yes{{% else %}}no{{% endif %}}'

    assert render_page(request, tag) == text
    assert engines["jinja2"].from_string(function).render({}, request) == text


@pytest.mark.parametrize(
    ("key", "text"), [("functional", "shown"), ("advertising", ""), (None, ""), (7, ""), ("", "")]
)
def test_condition_takes_a_variable(policy, key, text):
    source = "{% load consent %}{% ifconsent key %}shown{% endifconsent %}"

    assert render_page(page_request(grant("functional")), source, key=key) == text


def test_condition_on_an_unknown_variable_is_not_met(policy):
    source = "{% load consent %}{% ifconsent no.such.thing %}shown{% else %}-{% endifconsent %}"

    assert render_page(page_request(grant(*OPTIONAL)), source) == "-"


def test_conditions_nest(policy):
    source = (
        "{% load consent %}{% ifconsent 'functional' %}a{% ifconsent 'advertising' %}b{% else %}c"
        "{% endifconsent %}{% else %}d{% endifconsent %}"
    )

    assert render_page(page_request(grant("functional")), source) == "ac"


@pytest.mark.parametrize(
    "source",
    [
        "{% ifconsent %}{% endifconsent %}",
        "{% ifconsent 'a' 'b' %}{% endifconsent %}",
        "{% ifconsent 'a' or 'b' %}{% endifconsent %}",
        "{% ifconsent 'a' %}",
        "{% ifconsent 'a' %}{% else %}",
        "{% ifconsent 'a' %}{% else %}{% else %}{% endifconsent %}",
        "{% ifconsent 'a' %}{% else 'b' %}{% endifconsent %}",
        "{% ifconsent 'a %}{% endifconsent %}",
        "{% consent_tool %}",
    ],
)
def test_tag_that_makes_no_sense_is_a_syntax_error(source):
    with pytest.raises(TemplateSyntaxError):
        engines["django"].from_string("{% load consent %}" + source)


# What people forget


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag[0])
def test_missing_request_is_named_under_debug(policy, settings, render, tag):
    settings.DEBUG = True

    with pytest.raises(ImproperlyConfigured, match="context processors"):
        render(None, *tag)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag[0])
def test_missing_middleware_is_named_under_debug(policy, settings, render, tag):
    settings.DEBUG = True

    with pytest.raises(ImproperlyConfigured, match="ConsentMiddleware"):
        render(RequestFactory().get("/"), *tag)


@pytest.mark.parametrize("regime", list(LEGAL_BASES))
@pytest.mark.parametrize("request_", [None, RequestFactory().get("/")])
def test_without_debug_what_is_missing_leaves_only_what_is_essential(settings, regime, request_):
    small_site(regime=regime)

    markup = render_page(request_)

    assert tool_scripts(markup) == {*ESSENTIAL_TOOLS}
    assert "dcp-" not in markup
    assert not tags.if_consent(request_, "advertising")
    assert tags.if_consent(request_, GUARD)


class RestView(APIView):
    renderer_classes = (TemplateHTMLRenderer,)

    def get(self, request: Request) -> Response:
        return Response(template_name="demo_site/home.html")


urlpatterns = [path("rest/", RestView.as_view()), *demo_site.urls.urlpatterns]


@pytest.mark.urls("tests.pages.test_tags")
def test_page_that_rest_framework_renders_knows_its_request(policy, settings):
    settings.DEBUG = True
    client = Client()
    client.cookies["consent"] = grant("functional")

    markup = client.get("/rest/?page=2").content.decode()

    assert tool_scripts(markup) == {CHAT, GUARD}
    assert 'value="/rest/?page=2"' in markup


def test_variable_that_is_called_request_and_is_none_is_no_request(policy):
    source = "{% load consent %}{% consent_head %}{% consent_preferences_button %}"
    template = engines["django"].from_string(source)

    assert tool_scripts(template.render({"request": {"user": "x"}})) == {GUARD}


# Reuse


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag[0])
def test_warm_page_costs_no_query(policy, settings, render, tag, django_assert_num_queries):
    settings.CONSENT_POLICY_MAX_AGE = 3600
    cookies = ["", grant(*OPTIONAL), grant("functional")]
    for cookie in cookies:
        render(page_request(cookie), *tag)

    with django_assert_num_queries(0):
        for cookie in cookies:
            render(page_request(cookie), *tag)


def test_page_goes_on_while_the_database_is_down(policy):
    before = render_page(page_request(grant("functional")))

    def fail(*arguments: Any) -> None:
        raise DatabaseError("The database is down.")

    with connection.execute_wrapper(fail):
        during = render_page(page_request(grant("functional")))

    assert during == before


def test_page_speaks_the_language_of_its_request(policy, render):
    # Django's own catalogue translates it.
    Category.objects.filter(key="functional").update(name="Monday")
    Policy.objects.get().touch()

    for tag in ("consent_policy", "consent_body"):
        texts = []
        for language in ("en", "de", "fr", "en"):
            with translation.override(language):
                texts.append(render(page_request(), tag))
        english, german, french, again = texts
        assert "Monday" in english
        assert "Montag" in german
        assert "lundi" in french
        assert again == english


def test_edit_shows_in_what_was_rendered_before(policy, render):
    assert "Functional" in render(page_request(), "consent_policy")

    category = Category.objects.get(key="functional")
    category.name = "Practical"
    category.save()

    assert "Practical" in render(page_request(), "consent_policy")


visits = strategies.fixed_dictionaries(
    {
        "granted": strategies.none() | strategies.sets(strategies.sampled_from(OPTIONAL)),
        "age": strategies.sampled_from([0, 1]),
        "language": strategies.sampled_from(["en", "de", "fr", None]),
        "nonce": strategies.sampled_from(["", "abc", "d\"e'f"]),
        "path": strategies.sampled_from(["/", "/a/?b=c", "/'/"]),
        "destination": strategies.sampled_from(["empty", "document"]),
    }
)


@hypothesis_settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.lists(visits, min_size=2, max_size=6))
def test_no_visitors_page_has_anything_of_anothers(aged_policy, several):
    def page(visit: dict[str, Any]) -> str:
        with translation.override(visit["language"]):
            return render_page(arriving(visit))

    alone = []
    for visit in several:
        forget_what_was_rendered()
        alone.append(page(visit))
    forget_what_was_rendered()

    assert [page(visit) for visit in several] == alone
    assert [page(visit) for visit in reversed(several)] == alone[::-1]
    for visit, markup in zip(several, alone, strict=True):
        assert tool_scripts(markup, (*TOOLS, "newcomer")) == expected_tools(visit)


@pytest.fixture
def aged_policy(policy: Policy) -> Policy:
    """A policy to whose category Functional a tool was added."""
    ToolFactory(category=Category.objects.get(key="functional"), key="newcomer")
    return policy


def arriving(visit: dict[str, Any]) -> HttpRequest:
    revision = Policy.objects.get().revision - visit["age"]
    cookie = "" if visit["granted"] is None else grant(*visit["granted"], at=revision)
    request = page_request(cookie, visit["path"], headers={"Sec-Fetch-Dest": visit["destination"]})
    request.csp_nonce = visit["nonce"]
    return request


def expected_tools(visit: dict[str, Any]) -> set[str]:
    granted = visit["granted"] or set()
    newer = {"newcomer"} if "functional" in granted and not visit["age"] else set()
    return {*(TOOLS_OF[key] for key in granted), *newer, *ESSENTIAL_TOOLS}


def forget_what_was_rendered() -> None:
    Policy.objects.get().touch()


# What a site can do with it


def test_functions_for_jinja2_are_the_tags_the_condition_and_the_embeds():
    embeds = {"consent_embed", "consent_block"}

    assert set(tags.FUNCTIONS) == {*(tag[0] for tag in TAGS), "if_consent", *embeds}


def test_code_shown_to_others_is_the_pages_own_without_the_nonce(policy):
    markup = render_page(page_request(grant(*OPTIONAL)))
    selection = consent_in(page_request(grant(*OPTIONAL))).selection

    assert len(selection.tools) == len(TOOLS)
    for tool in selection.tools:
        assert code_for_script(tool.markup, selection) in markup


@pytest.mark.urls("demo_site.urls")
def test_real_page_has_the_allowed_tools_and_the_true_vary(policy):
    client = Client()
    client.cookies["consent"] = grant("functional", "advertising")

    response = client.get("/")

    assert tool_scripts(response.content.decode()) == {CHAT, PIXEL, GUARD}
    assert {"Cookie", "Sec-Fetch-Dest"} <= vary(response)


# Tags without arguments


@pytest.mark.parametrize("tag", ["consent_head", "consent_body", "consent_preferences_button"])
def test_a_tag_can_store_its_markup_in_the_context(tag):
    small_site()
    written = render_page(page_request(), f"{{% load consent %}}{{% {tag} %}}")
    stored = render_page(
        page_request(), f"{{% load consent %}}{{% {tag} as x %}}<i>{{{{ x }}}}</i>"
    )

    assert written
    assert stored == f"<i>{written}</i>"


@pytest.mark.parametrize("arguments", ["'chat'", "as", "as x y", "x as y"])
def test_a_tag_without_arguments_refuses_any(arguments):
    with pytest.raises(TemplateSyntaxError, match="consent_head takes no arguments"):
        render_page(None, f"{{% load consent %}}{{% consent_head {arguments} %}}")


def test_tools_of_the_body_come_after_notice_and_dialog(policy):
    Tool.objects.filter(key=CHAT).update(placement="body", snippet="<odd-box><script></script>")

    markup = tags.consent_body(page_request(grant(*OPTIONAL)))

    assert 'id="dcp-preferences"' in markup.partition("<odd-box")[0]
    assert markup.count("<odd-box") == 1
