"""Our elements look as they do, whatever stylesheet the site has for elements and its root."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Route, expect

import consent
from tests.browser.test_notice import DESK, PHONE, contrast
from tests.browser.visitor import Visitor

# Rules of the shapes that frameworks and resets have: for elements, attributes, states and places.
FRAMEWORK = """
  *, ::before, ::after { box-sizing: border-box; border: 0 solid #e5e7eb; margin: 0; padding: 0 }
  html { letter-spacing: 1px; line-height: 1.15; word-break: break-all }
  body { color: #eee; font: italic 700 0.6rem/2 serif; text-align: center; text-transform:
    uppercase }
  h1, h2, h3 { color: red; font-size: 4rem; font-weight: 200; letter-spacing: -1px; margin: 3rem 0 }
  p, ul, ol, li { color: #bbb; font-size: 1.1rem; line-height: 3; list-style: square; margin: 2rem }
  p:last-child, ul li:first-child, p + p { margin-bottom: 5rem; text-indent: 2rem }
  a, a:hover, a:visited { background: yellow; color: lime; text-decoration: none }
  a[href^="/"]::after { content: " (inside)" }
  b, strong { color: orange; font-weight: 100 }
  small { color: teal; font-size: 2rem }
  div, section, form, dialog, details, label { background: #222; border: 4px dotted red; margin:
    1rem; padding: 2rem }
  form::before, form::after, div::after { clear: both; content: ""; display: table }
  section:last-of-type, form:not(.mine) p { float: left; opacity: 0.5; transform: rotate(3deg) }
  dialog { display: flex; inset: 0 auto auto 0; max-height: 10rem; opacity: 0.5; width: 20rem }
  dialog::backdrop { background: red }
  table { background: black; border-collapse: separate; border-spacing: 9px; display: block;
    width: auto }
  thead { background: navy; color: navy }
  th, td, thead th:first-child { background: #333; border: 3px solid red; color: #333;
    font-size: 2rem; padding: 3rem }
  tbody tr:nth-child(even), tbody tr:nth-of-type(odd) td, tr:hover { background: #f1f1f1; color:
    #f2f2f2 }
  button, input, select, summary { appearance: none; border-radius: 0; font: 300 0.7rem/1
    monospace; height: 1rem; letter-spacing: 3px; margin: 1rem; min-height: 0; width: 100% }
  button { background: red; color: red; float: right; padding: 0 9rem; text-transform: uppercase }
  form button { border: 0; box-shadow: 0 0 9px red; display: block }
  [type="checkbox"]:not(:checked), [type="checkbox"]:checked { opacity: 0; pointer-events: none;
    position: absolute }
  input[type="checkbox"] { height: 4rem; width: 4rem }
  label { color: red; display: block; font-weight: 700; position: relative }
  [type="checkbox"] + label::before, summary::before, li::before { content: "x" }
  summary { color: blue; list-style: none }
  details[open] > summary { margin-bottom: 5rem }
  svg { display: block; height: auto; max-width: 10px; vertical-align: middle }
"""
STATES = """
  button:hover, button:focus, button:active { background: lime; border-color: lime; box-shadow:
    0 0 5px lime; color: lime; filter: invert(1); opacity: 0.4; text-decoration: overline;
    transform: scale(2) }
  button:focus { outline: 9px solid red }
"""
DARK_SITE = "html { background: #111; color-scheme: dark }"

# All computed properties of our elements, in the order of the document, with those of their
# ::before and ::after. Properties whose values follow from the position on the page are not the
# concern here.
LOOKS = """(root) => {
  const place = "perspective-origin|transform-origin|grid-template|inset|top|bottom|left|right";
  const passed = RegExp(`^(${place}|inline-size|block-size|width|height)`);
  const of = (el, pseudo) => {
    const style = getComputedStyle(el, pseudo);
    const names = [...style].filter((name) => !passed.test(name));
    return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(name)]));
  };
  const name = (el) => [el.tagName.toLowerCase(), ...el.classList].join(".");
  return [root, ...root.querySelectorAll(":not(svg *)")].flatMap((el) => [
    [name(el), of(el)],
    ...["::before", "::after"].map(
      (part) => [name(el) + part, { content: of(el, part).content }]),
  ]).concat([["size", root.getBoundingClientRect().toJSON()]]);
}"""


@pytest.fixture
def own_look(settings, site) -> None:
    """The app's pages without the demo's frame and stylesheet."""
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [Path(consent.__file__).parent / "templates"]}]


Come = Callable[..., Visitor]


@pytest.fixture
def come(enter, own_look) -> Come:
    """A function that lets in a visitor to a site with this stylesheet in its head."""

    def let_in(css: str, *, path: str = "/consent/policy/", **options: Any) -> Visitor:
        visitor: Visitor = enter(reduced_motion="reduce", **options)

        def add_stylesheet(route: Route) -> None:
            if route.request.resource_type != "document":
                route.continue_()
                return
            response = route.fetch()
            html = response.text().replace('<meta name="color-scheme" content="light dark">', "")
            route.fulfill(
                response=response, body=html.replace("</head>", f"<style>{css}</style></head>")
            )

        visitor.context.route(f"{visitor.address}/**", add_stylesheet)
        visitor.goto(path)
        return visitor

    return let_in


def differences(plain: list[Any], styled: list[Any]) -> dict[str, dict[str, tuple[str, str]]]:
    """Return what the stylesheet has changed: by element and property, before and after."""
    assert [name for name, _ in plain] == [name for name, _ in styled]
    return {
        name: changed
        for (name, before), (_, after) in zip(plain, styled, strict=True)
        if (
            changed := {
                key: (before[key], after[key]) for key in before if before[key] != after[key]
            }
        )
    }


def shown(visitor: Visitor, part: str) -> Locator:
    """Bring a part of the app into sight and return it."""
    if part == "dialog":
        visitor.page.evaluate("consent.open()")
    if part == "confirmation":
        visitor.page.evaluate("document.querySelector('#dcp-confirm').showModal()")
    if part == "status":
        visitor.page.evaluate("document.querySelector('#dcp-status').style.display = 'flex'")
    parts = {
        "notice": visitor.notice,
        "dialog": visitor.dialog,
        "confirmation": visitor.confirmation,
        "status": visitor.status,
        "corner": visitor.page.locator(".dcp-corner"),
        "page": visitor.page.locator(".dcp-sheet"),
    }
    expect(parts[part]).to_be_visible()
    visitor.page.mouse.move(0, 0)
    visitor.page.evaluate("document.activeElement.blur()")
    return parts[part]


@pytest.mark.parametrize(
    "viewport", [pytest.param(DESK, marks=pytest.mark.exhaustive), PHONE], ids=["desk", "phone"]
)
@pytest.mark.parametrize("part", ["notice", "dialog", "confirmation", "status", "corner", "page"])
def test_a_sites_rules_for_elements_change_nothing_of_ours(come, part, viewport):
    path = "/consent/preferences/" if part == "page" else "/consent/policy/"
    plain, styled = (
        shown(come(css, path=path, viewport=viewport), part).evaluate(LOOKS)
        for css in ("", FRAMEWORK)
    )

    if part == "page" or (part, viewport) == ("corner", PHONE):
        # It stands in the page: its place and width are the site's.
        plain, styled = plain[:-1], styled[:-1]
    assert differences(plain, styled) == {}


@pytest.mark.parametrize("state", ["hover", "focus"])
def test_a_sites_rules_for_buttons_under_the_pointer_change_nothing_of_ours(come, state):
    found = []
    for css in ("", STATES):
        notice = shown(come(css), "notice")
        for button in notice.get_by_role("button").all():
            getattr(button, state)()
            found.append(button.evaluate(LOOKS))

    assert differences(found[0], found[3]) == {}
    assert differences(found[2], found[5]) == {}


@pytest.mark.parametrize("size", ["10px", "62.5%", "20px", "125%"])
def test_sizes_do_not_depend_on_the_root(come, size):
    visitor = come(f"html {{ font-size: {size} }}")

    for part in ("notice", "dialog"):
        root = shown(visitor, part)
        assert root.evaluate("el => getComputedStyle(el).fontSize") == "16px"
        for button in root.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
    texts = visitor.notice.locator("p:not(:empty)")
    assert set(texts.evaluate_all("all => all.map((el) => getComputedStyle(el).fontSize)")) == {
        "16px"
    }


def test_sizes_follow_the_visitors_own_size_of_text(come):
    visitor = come("html { font-size: 10px }")
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 24}})
    visitor.page.reload()

    assert visitor.notice.evaluate("el => getComputedStyle(el).fontSize") == "24px"


def test_text_is_legible_in_every_row_whatever_stripes_the_site_has(come):
    for css, scheme in product((FRAMEWORK, FRAMEWORK + DARK_SITE), ("light", "dark")):
        visitor = come(css, color_scheme=scheme)
        dialog = shown(visitor, "dialog")
        for row in dialog.get_by_role("row").all():
            paint = "el => getComputedStyle(el).backgroundColor"
            assert row.evaluate(paint) == "rgba(0, 0, 0, 0)"
        assert contrast(dialog) >= 7


# What the site's owner writes


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("notice", "dcp-notice"),
        ("dialog", "dcp-dialog"),
        ("confirmation", "dcp-small"),
        ("status", "dcp-status"),
        ("corner", "dcp-corner"),
        ("page", "dcp-sheet"),
    ],
)
def test_an_owners_rule_for_a_class_wins(come, part, name):
    rule = """background: rgb(1, 2, 3); border: 5px solid rgb(4, 5, 6); border-radius: 7px;
      color: rgb(7, 8, 9); font-size: 19px; padding: 11px; z-index: 7; box-shadow: none"""
    path = "/consent/preferences/" if part == "page" else "/consent/policy/"
    visitor = come(f"{FRAMEWORK} .{name} {{ {rule} }}", path=path)

    style = shown(visitor, part).evaluate("el => ({ ...getComputedStyle(el) })")

    assert (style["backgroundColor"], style["color"]) == ("rgb(1, 2, 3)", "rgb(7, 8, 9)")
    assert (style["borderTopWidth"], style["borderTopColor"]) == ("5px", "rgb(4, 5, 6)")
    assert (style["borderRadius"], style["fontSize"], style["padding"]) == ("7px", "19px", "11px")
    assert (style["zIndex"], style["boxShadow"]) == ("7", "none")


def test_an_owners_rule_for_buttons_wins_for_both_answers(come):
    visitor = come(
        """.dcp-btn { border-radius: 99px; font-weight: 400; text-transform: uppercase }
        .dcp-main { background: rgb(1, 2, 3) } .dcp-main:hover { background: rgb(4, 5, 6) }"""
    )

    for name in ("Accept all", "Reject all"):
        button = visitor.notice.get_by_role("button", name=name)
        style = button.evaluate("el => ({ ...getComputedStyle(el) })")
        assert (style["borderRadius"], style["fontWeight"]) == ("99px", "400")
        assert (style["textTransform"], style["backgroundColor"]) == ("uppercase", "rgb(1, 2, 3)")
        button.hover()
        paint = button.evaluate("el => getComputedStyle(el).backgroundColor")
        assert paint == "rgb(4, 5, 6)"


# Light and dark

WHITE, DARK = "rgb(255, 255, 255)", "rgb(25, 34, 43)"


@pytest.mark.parametrize(
    ("css", "system", "expected"),
    [
        # A site that says nothing is light, and so is what is ours.
        ("", "dark", WHITE),
        ("", "light", WHITE),
        # A site that has both looks says so, for its scroll bars and form fields.
        (":root { color-scheme: light dark }", "dark", DARK),
        (":root { color-scheme: light dark }", "light", WHITE),
        # A site with a switch of its own.
        ("html { color-scheme: dark }", "light", DARK),
        ("body { color-scheme: dark }", "light", DARK),
        # The documented line, for a site whose color-scheme does not tell.
        (":root { --dcp-scheme: dark }", "light", DARK),
        (":root { --dcp-scheme: light dark }", "dark", DARK),
        ("html { color-scheme: light dark } :root { --dcp-scheme: light }", "dark", WHITE),
    ],
)
def test_notice_is_light_or_dark_as_the_site_is(
    come, css: str, system: Literal["light", "dark"], expected: str
):
    visitor = come(css, color_scheme=system)

    for part in ("notice", "dialog"):
        root = shown(visitor, part)
        assert root.evaluate("el => getComputedStyle(el).backgroundColor") == expected
        assert contrast(root) >= 7
