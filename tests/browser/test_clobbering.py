"""Forms and images of the site whose names hide properties of the document and of elements."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from consent.models import Cookie, Policy, Tool
from tests.browser.visitor import OURS, Visitor
from tests.factories import ToolFactory

OF_ELEMENTS = """
    addEventListener attributes children closest contains content dataset dispatchEvent
    elements focus getAttribute getClientRects hasAttribute hidden id innerHTML
    isConnected labels matches nextElementSibling nextSibling nodeType parentNode
    querySelector querySelectorAll remove replaceWith style tabIndex tagName target
    textContent value
"""
OF_DOCUMENTS = """
    addEventListener body cookie createElement createRange currentScript dispatchEvent
    documentElement getElementById head hidden prerendering querySelector querySelectorAll
    readyState
"""

PAGE = """{% load consent %}<!DOCTYPE html><html lang="en"><head><title>Names</title>
{% consent_head %}</head><body>
{% for name in of_documents %}<img name="{{ name }}" alt="" width="1" height="1">{% endfor %}
<form id="consent"><input name="allows"></form>
<form id="site" method="post" contenteditable>
  {% for name in of_elements %}<input type="hidden" name="{{ name }}">{% endfor %}
  text <button>Send</button>
</form>
{% ifconsent "functional" %}<p>yes</p>{% else %}
  <form class="otherwise">{% for name in of_elements %}<input name="{{ name }}">{% endfor %}</form>
{% endifconsent %}
{% consentblock "functional" %}<p id="talk">talk</p>{% endconsentblock %}
{% consent_preferences_button %}{% consent_body %}</body></html>"""


def page(request: HttpRequest) -> HttpResponse:
    names = {"of_elements": OF_ELEMENTS.split(), "of_documents": OF_DOCUMENTS.split()}
    return HttpResponse(engines["django"].from_string(PAGE).render(names, request))


urlpatterns = [path("names/", page), path("", include("demo_site.urls"))]


@pytest.fixture(autouse=True, params=["server", "cacheable"])
def _delivery(request: Any, settings: Any, policy: Policy) -> None:
    settings.CONSENT_DELIVERY = request.param
    settings.ROOT_URLCONF = __name__
    # Vendors' code stumbles over such names.
    Tool.objects.switch_off()
    tool = ToolFactory(
        category=policy.categories.get(key="functional"),
        key="tidings",
        snippet="<script>window.ran = true;</script>",
    )
    Cookie.objects.create(tool=tool, name="_ga", purpose="Tells visitors apart.")


# Playwright's own look-ups stumble over such names.
HELP = """
  window.find = (selector) => Document.prototype.querySelector.call(document, selector);
  window.press = (selector) => HTMLElement.prototype.click.call(find(selector));
"""


def test_everything_works_beside_them(visitor: Visitor):
    visitor.context.add_init_script(HELP)
    page = visitor.page
    visitor.goto("/names/")
    page.evaluate(
        """() => addEventListener("submit", (event) => {
          window.sent = (window.sent || 0) + 1;
          event.preventDefault();
        })"""
    )

    # A form that is sent, clicked, edited, and added to the page.
    page.evaluate(
        """() => {
          press("#site button");
          press("#site");
          const form = find("#site");
          const event = new InputEvent("input", { bubbles: true });
          EventTarget.prototype.dispatchEvent.call(form, event);
          Element.prototype.after.call(form, Node.prototype.cloneNode.call(form, true));
        }"""
    )
    assert page.evaluate("window.sent") == 1

    page.evaluate("press('#dcp-notice [value=accept-all]')")
    page.wait_for_function("!find('#dcp-notice')")
    page.wait_for_function("find('#talk') && window.ran")
    page.wait_for_function("find('#dcp-status').textContent.includes('You allow all categories.')")

    page.evaluate("Reflect.set(Document.prototype, 'cookie', '_ga=1; path=/', document)")
    page.evaluate("press('.dcp-corner button')")
    assert page.evaluate("find('#dcp-preferences').open")
    page.evaluate("press('#dcp-preferences [value=reject-all]')")
    # A form was edited, so that the page is not reloaded by itself.
    page.wait_for_function("find('#dcp-status').textContent.includes('Only essential tools run.')")
    assert set(visitor.cookies) == OURS
    with page.expect_event("load"):
        page.evaluate("press('[data-consent-reload]')")
    page.wait_for_function("!find('#talk')")
