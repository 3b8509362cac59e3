"""Custom snippets: what is added to them, and what is found wrong with them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consent.recipes.markers import NONCE, code_attributes
from consent.recipes.snippets import prepare, problems

pytestmark = pytest.mark.once

MARK = code_attributes("chat")
TAG_NAME = re.compile(r"<[a-zA-Z][^\s/>]*\Z")

# What gives HTML parsers trouble, to be strung together.
FRAGMENTS = (
    "<script>",
    "<SCRIPT src=x>",
    "<script src='a>b' async/>",
    '<script data-x="<script>">',
    "<script/",
    "</script>",
    "</ScRiPt >",
    "<style>",
    "</style>",
    "<!--",
    "-->",
    "--!>",
    "<!-->",
    "<![CDATA[",
    "<![if IE]>",
    "<![foo[",
    "]]>",
    "<!DOCTYPE x",
    "<?php",
    "?>",
    "<textarea>",
    "<noscript>",
    "</",
    "</>",
    "<a\u0130b>",
    "<p title='",
    '"',
    "'",
    ">",
    "<",
    "&",
    "&amp",
    "\0",
    "\1",
    "\2",
    "\n",
    "\r\n",
    "\u2028",
    "\u0130\u017f",
    "a = 1",
)
html = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join) | st.text()


@given(html)
@example("<![foo[x]]><script></script>")
@example("<a\u0130><p>")
def test_preparing_only_adds_the_attributes_and_only_removes_marks(pasted: str):
    prepared = prepare(pasted, "chat")

    assert prepared.replace(MARK, "") == re.sub("[\0\1\2]", "", pasted)
    assert all(TAG_NAME.search(before) for before in prepared.split(MARK)[:-1])


@given(html)
def test_looking_for_problems_never_fails(pasted: str):
    assert all(isinstance(problem, str) for problem in problems(pasted))


@given(html)
def test_no_nonce_but_ours_gets_into_the_page(pasted: str):
    prepared = prepare(pasted, "chat")

    assert prepared.count(NONCE) == prepared.count(MARK)


def test_every_script_and_style_is_marked_inline_or_external():
    pasted = (
        '<script>window.q = [];</script>\n<script async src="https://chat.example/a.js"></script>\n'
        '<div id="chat"></div>\n<style>#chat { color: red }</style>\n<script>q.push(1)</script>'
    )

    assert prepare(pasted, "chat") == (
        f"<script{MARK}>window.q = [];</script>\n"
        f'<script{MARK} async src="https://chat.example/a.js"></script>\n'
        f'<div id="chat"></div>\n<style{MARK}>#chat {{ color: red }}</style>\n'
        f"<script{MARK}>q.push(1)</script>"
    )


@pytest.mark.parametrize(
    ("pasted", "prepared"),
    [
        ("<SCRIPT>a()</SCRIPT>", f"<SCRIPT{MARK}>a()</SCRIPT>"),
        ("<Script>a()</sCRIPT >", f"<Script{MARK}>a()</sCRIPT >"),
        ("<script src=a.js />", f"<script{MARK} src=a.js />"),
        ("<script/src=a.js></script>", f"<script{MARK}/src=a.js></script>"),
        ("<script\n  src=a.js\n></script>", f"<script{MARK}\n  src=a.js\n></script>"),
        ('<script data-x="a>b">c()</script>', f'<script{MARK} data-x="a>b">c()</script>'),
        (
            '<script data-x="<script>">c()</script>',
            f'<script{MARK} data-x="<script>">c()</script>',
        ),
        # Only what a browser takes for an element is marked.
        (
            "<!-- <script>old()</script> --><script>a()</script>",
            f"<!-- <script>old()</script> --><script{MARK}>a()</script>",
        ),
        (
            r'<script>document.write("<script src=x><\/script>")</script>',
            rf'<script{MARK}>document.write("<script src=x><\/script>")</script>',
        ),
        (
            "<script>if (a<b && '</p>') c('<style>')</script>",
            f"<script{MARK}>if (a<b && '</p>') c('<style>')</script>",
        ),
        (
            '<p title="<script>">x</p><script>a()</script>',
            f'<p title="<script>">x</p><script{MARK}>a()</script>',
        ),
        ("<scripty>a</scripty><script></script>", f"<scripty>a</scripty><script{MARK}></script>"),
        # Entities and line ends are not touched.
        ("&amp;&lt\r\n<script>&amp;</script>", f"&amp;&lt\r\n<script{MARK}>&amp;</script>"),
        # A nonce of the vendor's example comes second, and the first one counts.
        ('<script nonce="abc">a()</script>', f'<script{MARK} nonce="abc">a()</script>'),
    ],
)
def test_what_is_marked(pasted: str, prepared: str):
    assert prepare(pasted, "chat") == prepared


def test_first_element_is_marked_where_there_is_no_script_or_style():
    pasted = "Say hello: <iframe src=https://chat.example></iframe><img src=pixel.gif>"

    assert prepare(pasted, "chat") == pasted.replace("<iframe", f"<iframe{MARK}")


def test_markers_of_nonces_cannot_be_pasted():
    assert prepare("<script>a('\0')</script>", "chat") == f"<script{MARK}>a('')</script>"


def test_tool_key_is_escaped():
    assert '"><b' not in prepare("<script></script>", '"><b>')


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "<script>a()</script>",
        "<SCRIPT>a()</SCRIPT>",
        "<style>a { b: c }</style>",
        "<!-- Chat --><script>a()</script><!-- End of chat -->",
        "<!-- <script> --><img src=pixel.gif>",
        "<p>An unclosed paragraph harms nobody",
        "<br><img src=pixel.gif>",
        r'<script>document.write("<script src=x><\/script>")</script>',
        "<script><!--\na()\n//--></script>",
        "<noscript><iframe src=x></iframe></noscript>",
        "<p>1 < 2 & 3</p>",
        "<p>1 < 2</p> <",
    ],
)
def test_sound_snippet_has_no_problems(pasted: str):
    assert problems(pasted) == []


@pytest.mark.parametrize("tag", ["script", "style", "noscript", "template", "iframe", "textarea"])
def test_element_that_would_swallow_the_page_is_found(tag: str):
    assert problems(f"<p>\n<p>\n<{tag}>a()") == [
        f"<{tag}> is opened in line 3 and never closed; add </{tag}>."
    ]


def test_self_closed_script_is_found_since_the_slash_means_nothing():
    assert problems("<script src=a.js />") == [
        "<script> is opened in line 1 and never closed; add </script>."
    ]


def test_second_script_that_is_not_closed_is_found():
    (problem,) = problems("<script>a()</script>\n<script>b()")

    assert "line 2" in problem


@pytest.mark.parametrize(
    "pasted",
    [
        "<script>a()</script><!-- the end",
        "<!-- the end <script>a()</script>",
        "<!-- a --><script>a()</script><!--",
        # Here a browser does not see the end of the script.
        "<script><!-- <script> a()</script>",
    ],
)
def test_comment_that_is_not_closed_is_found(pasted: str):
    assert "A comment (<!--) is never closed; add -->." in problems(pasted)


@pytest.mark.parametrize("comment", ["<!-->", "<!--->", "<!-- a --!>"])
def test_comment_that_ends_oddly_is_found_where_it_would_hide_a_script(comment: str):
    # Browsers know these ends; which of them Python's parser knows depends on its version.
    pasted = f"{comment}<script>a()</script>"

    assert problems(pasted) or prepare(pasted, "chat") == f"{comment}<script{MARK}>a()</script>"


@pytest.mark.parametrize(
    "tag", ['<script src="a.js', '<img alt="x>', "<img src=a.js", "</div", "<!DOCTYPE html"]
)
def test_tag_that_is_not_finished_is_found(tag: str):
    assert problems(f"<p>Chat</p>{tag}") == [
        f"The tag “{tag}” is never finished; add what is missing, such as a quote or >."
    ]


@pytest.mark.parametrize("pasted", ["window.q = [];", "https://chat.example/a.js", "  G-ABC1234 "])
def test_code_without_its_script_element_is_found(pasted: str):
    assert problems(pasted) == [
        "There is no HTML element in it; paste the whole code, with its <script> tags."
    ]
