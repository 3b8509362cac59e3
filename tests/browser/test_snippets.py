"""What is said of a snippet when it is saved is what Chromium does with it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from consent.recipes.snippets import misplaced, problems
from tests.factories import ToolFactory

# Parses a page with the snippet in it, and returns what became of what follows the snippet.
IN_BODY = """snippet => {
  const page = new DOMParser().parseFromString(
    `<body><main id="before">${snippet}<div id="next"></div></main><div id="after">`, "text/html",
  );
  return page.querySelector("#before > #next") !== null
    && page.querySelector("body > #after") !== null;
}"""
IN_HEAD = """snippet => {
  const page = new DOMParser().parseFromString(
    `<head>${snippet}<meta name="robots" content="noindex"></head><body></body>`, "text/html",
  );
  return page.querySelector("head > meta[name=robots]") !== null;
}"""

NOT_CLOSED = (
    *("div", "details", "dialog", "select", "xmp", "plaintext", "textarea", "title", "style"),
    *("script", "iframe", "noembed", "noframes", "template", "b", "a", "form", "button", "object"),
    *("table", "ul", "li", "span", "my-element"),
)
HARMFUL = (
    *(f"<{tag}>" for tag in NOT_CLOSED),
    "<div/>",
    "<script src=a.js />",
    "<svg><foreignObject><div/></foreignObject></svg>",
    "<!-- a",
    '<p title="a>',
    "<noscript><div></noscript>",
    "<select><option>a",
    "</main>",
    "<b>a</b></div></main>",
    "<textarea></div>",
)
HARMLESS = (
    "<script>a('</div>')</script>",
    "<p>a",
    "<p>a<div>b</div></p>",
    "<p>a</br>b</img>",
    "<ul><li>a<li>b</ul>",
    "<table><tr><td>a<td>b<tr><td>c</table>",
    "<select><option>a<optgroup><option>b</select>",
    "<svg><path/><g/></svg><svg/><math><mi>x</mi></math>",
    "<textarea><div></textarea><xmp><b></xmp><iframe><b></iframe>",
    '<p title="</main>">a</p><!-- </main> -->',
    "<template><div>a</div></template>",
)
ENDS_HEAD = ("<div></div>", "<p>", "<img>", "a<script></script>", "&nbsp;", "<b></b>", "</body>")
KEEPS_HEAD = (
    "\n<script>a()</script> <style></style>",
    "<link rel=preload><meta name=a><base href=/><title>a</title><template><p></template>",
    "<!-- a -->",
)


@pytest.mark.parametrize("snippet", HARMFUL)
def test_what_is_refused_changes_what_follows_it(visitor, snippet: str):
    assert problems(snippet)
    assert not visitor.page.evaluate(IN_BODY, snippet)


@pytest.mark.parametrize("snippet", HARMLESS)
def test_what_is_accepted_changes_nothing_that_follows_it(visitor, snippet: str):
    assert visitor.page.evaluate(IN_BODY, snippet)
    assert not problems(snippet)


@pytest.mark.parametrize("snippet", ENDS_HEAD)
def test_what_is_refused_in_the_head_ends_it(visitor, snippet: str):
    assert problems(snippet) + misplaced(snippet, "head")
    assert not visitor.page.evaluate(IN_HEAD, snippet)


@pytest.mark.parametrize("snippet", KEEPS_HEAD)
def test_what_is_accepted_in_the_head_keeps_it_open(visitor, snippet: str):
    assert visitor.page.evaluate(IN_HEAD, snippet)
    assert not misplaced(snippet, "head")


@pytest.mark.parametrize(
    "snippet", ['<div style="display: none">', "<details>", "<select>", "<xmp>", "<plaintext>"]
)
def test_dialog_opens_beside_a_snippet_that_was_stored_before_it_was_checked(
    visitor, policy, snippet: str
):
    essential = policy.categories.get(key="essential")
    ToolFactory(category=essential, key="odd", snippet=snippet, placement="body")
    visitor.goto("/")

    visitor.open_preferences()

    expect(visitor.box("functional")).to_be_visible()
