"""Custom snippets: what is added to them, and what is found wrong with them."""

import re
from time import process_time
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consent.recipes.markers import NONCE, code_attributes
from consent.recipes.snippets import misplaced, prepare, problems

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
    "\ufeff",
    "\xa0",
    "<svg/>",
    "<li>",
    "<div>",
    "</div>",
    "<plaintext>",
    "</body>",
    "a = 1",
)


def seen(text: str) -> str:
    """Return what of a text is to be seen."""
    return "".join(sign for sign in text if not sign.isspace() and category(sign) != "Cf")


def misplaced_in_head(pasted: str) -> list[str]:
    assert misplaced(pasted, "body") == misplaced(pasted, "manual") == []
    return misplaced(pasted, "head")


html = st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join) | st.text()


@given(html)
@example("<![foo[x]]><script></script>")
@example("<a\u0130><p>")
def test_preparing_only_adds_the_attributes_and_only_removes_marks_and_blanks(pasted: str):
    prepared = prepare(pasted, "chat")

    assert seen(prepared.replace(MARK, "")) == seen(re.sub("[\0\1\2]", "", pasted))
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
        "<svg><path d='M0 0'/><g/><title>a</title></svg><svg/><math><mi>x</mi></math>",
        "<ul><li>a<li>b</ul><select><option>a<optgroup><option>b</select>",
        "<table><tr><td>a<td>b<tr><th>c<tbody><tr><td>d</table>",
        "<dl><dt>a<dd>b</dl><ruby>a<rp>(<rt>b</ruby>",
        "<p>a<div>b</div></p><p>c<p>d</p>",
        "<p>a</br>b</img>",
        "<textarea><div></textarea><title><b></title><xmp><b></xmp><iframe><b></iframe>",
        "<DIV>a</div ><details><summary>a</summary>b</details>",
        '<p title="“a”\xa0b">a</p>',
        "<template><div>a</div></template>",
        '<p title="</div>">a</p><script>"</div>"</script><!-- </div> -->',
    ],
)
def test_sound_snippet_has_no_problems(pasted: str):
    assert problems(pasted) == []


UNCLOSED = (
    *("script", "style", "noscript", "template", "iframe", "textarea", "title", "xmp", "noembed"),
    *("noframes", "div", "details", "dialog", "select", "option", "li", "td", "form", "fieldset"),
    *(
        "a",
        "b",
        "font",
        "span",
        "button",
        "video",
        "object",
        "svg",
        "math",
        "ul",
        "table",
        "my-tag",
    ),
)


# Code in the form in which vendors give it.
FOR_THE_HEAD = {
    "pixel": """<!-- Chat Pixel -->
<script>!function(f,b,e){if(f.q)return;f.q=[];b.write("<scr"+"ipt src=x.js><\\/script>")}
(window,document,'script');</script>
<noscript><img height="1" width="1" style="display:none"
src="https://chat.example/tr?id=1&ev=View"
/></noscript>
<!-- End Chat Pixel -->""",
    "loader": "  <script type=text/javascript async defer src=//chat.example/1.js></script>\n\n",
    "frame": "<noscript><iframe src=https://chat.example/ns height=0 width=0></iframe></noscript>",
    "data": '<script type="application/ld+json">{"a": "<b>“c”</d>"}</script>',
    "cdata": "<script>\n//<![CDATA[\na('<b>')\n//]]>\n</script>",
    "former browsers": "<!--[if lt IE 9]><script src=ie.js></script><![endif]--><script></script>",
    "counter": "<script></script><noscript><div><a href=x><img src=y></a></div></noscript>",
}
FOR_THE_BODY = {
    "widget": '<div class=chat style="height:7px"></div>\n<script async src=x></script>',
    "post": '<blockquote class=x><p lang="en">a <a href=x>b</a></p>&mdash; C <a href=x>1</a>'
    '<svg viewBox="0 0 6 6"><g><path d="M5"></path></g></svg></blockquote><script src=x></script>',
    "form": "<form action=x method=post>\n<input type=hidden name=a />\n<img src=x />\n</form>",
    "component": """<chat-box data='{"a": "“b”"}'></chat-box><script type=module>`<p>`</script>""",
}


@pytest.mark.parametrize("pasted", FOR_THE_HEAD.values(), ids=FOR_THE_HEAD)
def test_code_of_vendors_is_accepted_anywhere(pasted: str):
    assert problems(pasted) == misplaced_in_head(pasted) == []


@pytest.mark.parametrize("pasted", FOR_THE_BODY.values(), ids=FOR_THE_BODY)
def test_code_of_vendors_with_elements_of_the_body_is_accepted_there(pasted: str):
    assert problems(pasted) == []
    assert len(misplaced_in_head(pasted)) == 1


@pytest.mark.parametrize("tag", UNCLOSED)
def test_element_that_would_swallow_the_page_is_found(tag: str):
    assert problems(f"<p>\n<p>\n<{tag}>a()") == [
        f"<{tag}> is opened in line 3 and never closed; add </{tag}>."
    ]


def test_self_closed_script_is_found_since_the_slash_means_nothing():
    assert problems("<script src=a.js />") == [
        "<script> is opened in line 1 and never closed; add </script>."
    ]


@pytest.mark.parametrize("tag", ["div", "span", "iframe", "textarea", "custom-chat"])
def test_slash_means_nothing_in_any_element_of_html(tag: str):
    assert problems(f"<{tag} />") == [
        f"<{tag}> is opened in line 1 and never closed; add </{tag}>."
    ]


def test_slash_means_nothing_where_html_begins_again_in_an_image():
    assert problems("<svg><foreignObject><div/></foreignObject></svg>") == [
        "<div> is opened in line 1 and never closed; add </div>."
    ]


@pytest.mark.parametrize(
    ("pasted", "tag"),
    [
        ("<section><div><b>a</b></section>", "div"),
        ("<div><a href=x>a</div>", "a"),
        ("<b><i>a</b></i>", "i"),
        ("<table><tr><td><div></table>", "div"),
        ("<ul><li><span></ul>", "span"),
        ("<p><em>a", "em"),
        ("<noscript><div></noscript>", "div"),
    ],
)
def test_element_that_is_closed_only_around_is_found(pasted: str, tag: str):
    assert problems(pasted)[0] == f"<{tag}> is opened in line 1 and never closed; add </{tag}>."


@pytest.mark.parametrize("tag", ["div", "script", "section", "template", "svg", "li", "option"])
def test_end_of_an_element_of_the_page_is_found(tag: str):
    assert problems(f"<b>a</b>\n</{tag}>") == [
        f"</{tag}> in line 2 closes an element that the snippet does not open; remove it."
    ]


def test_script_that_ends_in_a_text_of_its_code_is_found():
    (problem,) = problems('<script>write("<script src=x></script>")</script>')

    assert problem.startswith("</script> in line 1 closes an element")


@pytest.mark.parametrize("tag", ["/body", "/html", "/head", "body", "html", "head", "frameset"])
def test_tag_of_the_page_itself_is_found(tag: str):
    assert problems(f"<!DOCTYPE html><script>a()</script>\n<{tag}>") == [
        f"<{tag}> in line 2 is the page's own, not a snippet's; remove it."
    ]


def test_element_that_nothing_ends_is_found():
    assert problems("<plaintext>a</plaintext>")[0] == (
        "Nothing closes <plaintext> in line 1, not even </plaintext>; use <pre>."
    )


@pytest.mark.parametrize(
    "tag",
    [
        "<script src=“https://chat.example/a.js”>",
        "<script async src=”a.js”>",
        "<script src=\u2018a.js\u2019>",
        "<script src=«a.js»>",
        "<script\xa0src='a.js'>",
        "<script src='a.js'\u200b>",
        "<script \ufeffsrc=a.js>",
        "<script data-key=”a b” src='a.js'>",
    ],
)
def test_quotes_and_blanks_of_a_word_processor_are_found(tag: str):
    assert (
        f"“{tag}” in line 2 has curly quotes or invisible characters, which browsers do not read "
        'as quotes and blanks; type " and blanks instead.'
    ) in problems(f"\n{tag}</script>")


def test_no_more_is_said_than_can_be_read():
    assert len(problems("<div>" * 10_000)) == 10


@pytest.mark.parametrize(
    "part",
    ["<div>", "</div>", "<p><li>", "<li></p>", "<b><p></b>", "\xa0<i>", "<p></li>", "“<b “>"],
)
def test_long_snippets_take_linear_time(part: str):
    began = process_time()
    problems(part * 20_000)

    assert process_time() - began < 10


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


BLANKS = ("\ufeff", "\u200b", "\u2060", "\xad", "\u200e", "\xa0", "\u2003", "\u3000", "\u2028")


@pytest.mark.parametrize("sign", BLANKS, ids=ascii)
def test_invisible_characters_between_elements_are_left_out(sign: str):
    kept = f"a('{sign}')</script>", f"<p>{sign}</p>"
    between = " " if sign.isspace() else ""

    prepared = prepare(f"{sign}\n<script>{kept[0]}{sign}{kept[1]}{sign}", "chat")

    assert prepared == f"{between}\n<script{MARK}>{kept[0]}{between}{kept[1]}{between}"


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "  \n<script>a()</script>\n",
        "<!-- Chat --><script>a()</script><style>b{}</style><link rel=preload href=x>",
        "<script>a()</script><noscript><img src=pixel.gif></noscript>",
        "<template><div>a</div></template><meta name=a content=b><base href=/>",
        "\ufeff\u200b<script>a()</script>\xa0",
        "<!DOCTYPE html><script>a()</script>",
    ],
)
def test_what_may_be_in_a_head(pasted: str):
    assert misplaced_in_head(pasted) == []


@pytest.mark.parametrize("tag", ["div", "p", "img", "iframe", "b", "svg", "form", "chat-button"])
def test_element_that_ends_a_head_is_found(tag: str):
    assert misplaced_in_head(f"<script>a()</script>\n<{tag}></{tag}><div></div>") == [
        f"<{tag}> in line 2 cannot be in the page's head: browsers would ignore what the head has "
        "after it. As the place on the page, choose the end of the body."
    ]


@pytest.mark.parametrize("text", ["Paste this:", "&nbsp;", "&#160;", "“", "1.", "a & b", "\ufeffa"])
def test_text_that_ends_a_head_is_found(text: str):
    (problem,) = misplaced_in_head(f"<!-- Chat -->\n\n{text}\n<script>a()</script>")

    assert problem.startswith("The text “")
    assert "” in line 3 cannot be in the page's head" in problem
    assert "Remove it from the snippet." in problem


def test_text_after_the_code_ends_a_head_as_well():
    assert misplaced_in_head("<script>a()</script> done")[0].startswith(
        "The text “done” in line 1 "
    )
