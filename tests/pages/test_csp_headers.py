"""What tools add to a policy, as the text of its header and as a browser reads it."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.pages import csp
from consent.pages.csp import extend_header
from consent.recipes import catalogue
from consent.recipes.csp import DIRECTIVES, is_addable, merge_sources
from tests.factories import example_parameters

pytestmark = pytest.mark.once

A, B = "https://a.example", "https://b.example"
SCRIPT = {"script-src": (A,)}
IMAGE = {"img-src": (A,)}
NONCE = "'nonce-c2VjcmV0'"


@pytest.mark.parametrize(
    ("policy", "sources", "expected"),
    [
        pytest.param("script-src 'self'", SCRIPT, f"script-src 'self' {A}", id="directive"),
        pytest.param("script-src 'self'", {}, "script-src 'self'", id="no sources"),
        pytest.param(
            "img-src 'self'", {"img-src": (A, B)}, f"img-src 'self' {A} {B}", id="several sources"
        ),
        pytest.param(f"img-src {A}", {"img-src": (A, B)}, f"img-src {A} {B}", id="one is there"),
        pytest.param(f"img-src {B} {A}", IMAGE, f"img-src {B} {A}", id="all are there"),
        pytest.param("img-src 'none'", IMAGE, f"img-src {A}", id="none"),
        pytest.param("img-src 'NONE'", IMAGE, f"img-src {A}", id="none in capitals"),
        pytest.param("img-src 'none' 'self'", IMAGE, f"img-src 'self' {A}", id="idle none"),
        pytest.param("img-src 'none'", SCRIPT, "img-src 'none'", id="none of another"),
        pytest.param("img-src", IMAGE, f"img-src {A}", id="empty directive"),
        pytest.param("IMG-Src 'self'", IMAGE, f"IMG-Src 'self' {A}", id="name in capitals"),
        pytest.param(
            "img-src 'self'; img-src 'none'",
            IMAGE,
            f"img-src 'self' {A}; img-src 'none'",
            id="of two the first counts",
        ),
        pytest.param(
            " default-src\t'self' ;;  img-src  *.c.example  ; ",
            IMAGE,
            f" default-src\t'self' ;;  img-src  *.c.example {A}  ; ",
            id="spaces stay",
        ),
        pytest.param("", SCRIPT, "", id="empty policy"),
        pytest.param(";", SCRIPT, ";", id="no directive"),
        pytest.param("object-src 'none'", SCRIPT, "object-src 'none'", id="nothing restricts"),
        pytest.param(
            "upgrade-insecure-requests; frame-ancestors 'none'; report-uri /r?script-src",
            SCRIPT,
            "upgrade-insecure-requests; frame-ancestors 'none'; report-uri /r?script-src",
            id="directives of other kinds",
        ),
    ],
)
def test_a_directive_gets_what_it_lacks(policy, sources, expected):
    assert extend_header(policy, sources) == expected


@pytest.mark.parametrize(
    ("policy", "sources", "expected"),
    [
        pytest.param(
            "default-src 'self'", IMAGE, f"default-src 'self'; img-src 'self' {A}", id="default"
        ),
        pytest.param(
            "default-src 'self';", IMAGE, f"default-src 'self'; img-src 'self' {A}", id="semicolon"
        ),
        pytest.param(
            "default-src 'self' ; ", IMAGE, f"default-src 'self' ; img-src 'self' {A} ", id="spaces"
        ),
        pytest.param("default-src 'none'", IMAGE, f"default-src 'none'; img-src {A}", id="none"),
        pytest.param("default-src", IMAGE, f"default-src; img-src {A}", id="empty default"),
        pytest.param(f"default-src {A}", IMAGE, f"default-src {A}", id="default allows it"),
        pytest.param(
            f"default-src 'self' {A}",
            {"img-src": (A, B)},
            f"default-src 'self' {A}; img-src 'self' {A} {B}",
            id="default allows some",
        ),
        pytest.param(
            f"default-src 'self' {NONCE}",
            SCRIPT,
            f"default-src 'self' {NONCE}; script-src 'self' {NONCE} {A}",
            id="nonce goes along",
        ),
        pytest.param(
            "default-src 'self'",
            {"form-action": (A,)},
            "default-src 'self'",
            id="forms go by no default",
        ),
        pytest.param(
            "form-action 'self'", {"form-action": (A,)}, f"form-action 'self' {A}", id="forms"
        ),
        pytest.param(
            "child-src 'none'; default-src 'self'",
            {"frame-src": (A,)},
            f"child-src 'none'; default-src 'self'; frame-src {A}",
            id="frames go by child-src",
        ),
        pytest.param(
            "default-src 'self'",
            {"frame-src": (A,)},
            f"default-src 'self'; frame-src 'self' {A}",
            id="frames go by default-src",
        ),
        pytest.param(
            "script-src 'self'; default-src 'none'",
            {"worker-src": ("blob:",)},
            "script-src 'self'; default-src 'none'; worker-src 'self' blob:",
            id="workers go by script-src",
        ),
        pytest.param(
            "script-src 'self'; child-src 'none'",
            {"worker-src": ("blob:",)},
            "script-src 'self'; child-src 'none'; worker-src blob:",
            id="workers go by child-src first",
        ),
        pytest.param(
            "script-src 'self'",
            {"script-src": (A,), "worker-src": ("blob:",)},
            f"script-src 'self' {A}; worker-src 'self' blob:",
            id="workers get no host of scripts",
        ),
        pytest.param(
            "script-src 'self'; script-src-elem 'none'",
            SCRIPT,
            f"script-src 'self' {A}; script-src-elem {A}",
            id="both directives for scripts",
        ),
        pytest.param(
            "default-src 'none'; script-src-elem 'self'; script-src-attr 'none'",
            SCRIPT,
            f"default-src 'none'; script-src-elem 'self' {A}; script-src-attr 'none'",
            id="scripts go by script-src-elem",
        ),
        pytest.param(
            "script-src-attr 'none'; default-src 'self'",
            SCRIPT,
            f"script-src-attr 'none'; default-src 'self'; script-src 'self' {A}",
            id="script-src-attr names no hosts",
        ),
        pytest.param(
            "style-src 'self'; style-src-elem 'self'",
            {"style-src": (A,)},
            f"style-src 'self' {A}; style-src-elem 'self' {A}",
            id="both directives for styles",
        ),
        pytest.param(
            f"script-src 'strict-dynamic' {NONCE}",
            SCRIPT,
            f"script-src 'strict-dynamic' {NONCE} {A}",
            id="strict-dynamic stays",
        ),
    ],
)
def test_an_absent_directive_begins_with_what_held_instead(policy, sources, expected):
    assert extend_header(policy, sources) == expected


def test_each_of_several_policies_is_extended():
    policies = "script-src 'self', default-src 'none' ,, object-src 'none'"

    assert extend_header(policies, SCRIPT) == (
        f"script-src 'self' {A}, default-src 'none'; script-src {A} ,, object-src 'none'"
    )


@pytest.mark.parametrize(
    "policy",
    [
        f"script-src {NONCE}; style-src {NONCE}",
        f"script-src {NONCE}; style-src 'nonce-YW5vdGhlcg=='",
        "script-src 'nonce-'; style-src 'nonce-YW5vdGhlcg=='",
    ],
)
def test_nonces_stay_what_they_are(policy):
    scripts, styles = policy.split("; ")

    assert extend_header(policy, SCRIPT) == f"{scripts} {A}; {styles}"


def test_policies_that_differ_in_their_nonce_alone_are_extended_once():
    csp._extend_cached.cache_clear()

    for number in range(3):
        policy = f"default-src 'self'; script-src 'nonce-{number}'"
        assert extend_header(policy, SCRIPT) == f"{policy} {A}"

    assert csp._extend_cached.cache_info().misses == 1


@pytest.mark.parametrize(
    "source",
    [
        "'unsafe-inline'",
        "'unsafe-eval'",
        "'self'",
        "*",
        "https:",
        "https://*",
        "wss://*:443",
        "https://*/path",
        "http://a.example",
        "a.example",
        "https://",
        "https://a.example;object-src",
        "https://a.example,default-src",
        "https://a.example https://b.example",
        "https://a.example\r\nSet-Cookie:x=1",
        "https://a.example\n",
        "https://é.example",
        "https://a.example/'self'",
        "data:text/html",
        "data:",
        "",
    ],
)
def test_what_would_loosen_or_break_a_policy_is_never_added(source):
    assert not is_addable("script-src", source)
    assert (
        extend_header("script-src 'self'", {"script-src": (source, A)}) == f"script-src 'self' {A}"
    )


def test_directives_of_which_a_tool_knows_nothing_are_never_added_to():
    policy = "object-src 'none'; base-uri 'none'; default-src 'none'"
    assert (
        extend_header(policy, {"object-src": (A,), "base-uri": (A,), "default-src": (A,)}) == policy
    )


def test_merged_sources_come_once_in_a_fixed_order():
    found = merge_sources(
        [{"img-src": (B, A)}, {"script-src": (A,), "img-src": (A, "'unsafe-inline'", "data:")}]
    )
    assert list(found.items()) == [("script-src", (A,)), ("img-src", (B, A, "data:"))]


# As a browser reads it

NARROWER = {"script-src": "script-src-elem", "style-src": "style-src-elem"}
WIDER = {
    "frame-src": ("child-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    "form-action": (),
}
OTHERS = ("object-src", "manifest-src", "base-uri", "script-src-attr", "style-src-attr")


def holds(policy: str, directive: str) -> set[str] | None:
    """Return the sources to which a browser holds requests of this kind; None for any."""
    stated: dict[str, set[str]] = {}
    for piece in policy.split(";"):
        name, *sources = piece.split() or [""]
        stated.setdefault(name.lower(), {each for each in sources if each.lower() != "'none'"})
    wider = WIDER.get(directive, () if directive == "base-uri" else ("default-src",))
    if directive.endswith("-attr"):
        wider = (directive.removesuffix("-attr"), "default-src")
    chain = (NARROWER.get(directive, directive), directive, *wider)
    return next((stated[name] for name in chain if name in stated), None)


hosts = st.lists(st.sampled_from([A, B, "https://*.c.example", "wss://d.example"]), max_size=3)
all_names = st.sampled_from(
    [*DIRECTIVES, *NARROWER.values(), *OTHERS, "default-src", "child-src", "IMG-SRC"]
)
values = st.lists(st.sampled_from(["'self'", "'none'", "'NONE'", NONCE, "data:", A, B]), max_size=3)
directives = st.builds(
    lambda name, sources, space: space + " ".join([name, *sources]) + space,
    all_names,
    values,
    st.sampled_from(["", " ", "\t "]),
)
a_policy = st.lists(st.one_of(directives, st.sampled_from(["", " "])), max_size=6).map(";".join)
some_sources = st.dictionaries(st.sampled_from(DIRECTIVES), hosts, max_size=5)


@given(a_policy, some_sources)
def test_a_browser_allows_exactly_the_sources_more(policy: str, sources: Mapping[str, list[str]]):
    result = extend_header(policy, sources)

    for directive in (*DIRECTIVES, *OTHERS):
        before, after = holds(policy, directive), holds(result, directive)
        expected = None if before is None else before | set(sources.get(directive, ()))
        if directive == "worker-src" and expected is not None:
            # Where none holds for workers, those for scripts do.
            assert after in (expected, expected | set(sources.get("script-src", ())))
        elif directive == "script-src-attr" and before is not None:
            # Handlers in attributes have no host.
            assert after is not None
            assert after - set(sources.get("script-src", ())) <= before
        elif directive == "style-src-attr" and before is not None:
            assert after is not None
            assert after - set(sources.get("style-src", ())) <= before
        else:
            assert after == expected


@given(a_policy, some_sources)
def test_extending_twice_is_extending_once(policy: str, sources: Mapping[str, list[str]]):
    once = extend_header(policy, sources)
    assert extend_header(once, sources) == once


@given(st.text(), some_sources)
def test_any_text_is_extended_without_complaint(policy: str, sources: Mapping[str, list[str]]):
    assert len(extend_header(policy, sources)) >= len(policy.replace("'none'", ""))


# The catalogue


@pytest.mark.parametrize("key", [key for key, each in catalogue().items() if each.scripts])
def test_a_recipe_names_the_host_of_every_script_that_it_writes(key: str):
    recipe = catalogue()[key]
    values = example_parameters(key)
    sources = merge_sources([recipe.csp_sources(values)])

    for address in re.findall(r' src="([^"]*)"', recipe.render(values, key)):
        assert any(allows(source, unescape(address)) for source in sources["script-src"]), address


def allows(source: str, address: str) -> bool:
    """Say whether ``address`` matches a host source (CSP3, 6.7.2.8)."""
    allowed, asked = urlsplit(source), urlsplit(address)
    host, pattern = asked.netloc, allowed.netloc
    fits = host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
    path = allowed.path
    return fits and (
        asked.path.startswith(path) if path.endswith("/") else path in ("", asked.path)
    )
