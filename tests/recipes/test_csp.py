"""What an editor may say that a custom snippet loads from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.recipes.csp import is_addable, read_sources, source_errors

pytestmark = pytest.mark.once

A = "https://cdn.example.com"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" \r\n\n\t", {}),
        (f"script-src {A}", {"script-src": (A,)}),
        (f"  Script-Src\t{A}  \r\n", {"script-src": (A,)}),
        (
            f"img-src {A} https://*.example.com\nscript-src {A}\nimg-src data: {A}",
            {"script-src": (A,), "img-src": (A, "https://*.example.com", "data:")},
        ),
        (
            "connect-src wss://chat.example.com:8443 https://api.example.com/v1/ https://x:*",
            {
                "connect-src": (
                    "wss://chat.example.com:8443",
                    "https://api.example.com/v1/",
                    "https://x:*",
                )
            },
        ),
        ("worker-src blob:", {"worker-src": ("blob:",)}),
    ],
)
def test_lines_are_read(text, expected):
    assert source_errors(text) == []
    assert read_sources(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"object-src {A}", "Line 1: “object-src” is no directive that can be added to. Begin"),
        (f"\n{A} script-src", f"Line 2: “{A}” is no directive"),
        (f"script-src: {A}", "Line 1: “script-src:” is no directive"),
        ("script-src", "Line 1 names no source. Write it after the directive: script-src https"),
        (
            f"script-src {A} 'unsafe-inline'",
            "Line 1: “'unsafe-inline'” would hold for everything on the page",
        ),
        ("img-src 'self'", "Line 1: “'self'” would hold for everything on the page"),
        ("script-src data:", "Line 1: “data:” would let any text run as a script."),
        ("script-src blob:", "Line 1: “blob:” would let any text run as a script."),
    ],
)
def test_a_line_that_cannot_be_added_is_explained_and_left_out(text, message):
    [found] = source_errors(text)

    assert found.startswith(message)
    assert all("'" not in source for sources in read_sources(text).values() for source in sources)


@pytest.mark.parametrize(
    "source",
    [
        "cdn.example.com",
        "http://cdn.example.com",
        "//cdn.example.com",
        "https:",
        "*",
        "https://*",
        "https://*.com",
        "https://*.com/",
        "https://cdn.*.com",
        "https://.example.com",
        "https://cdn.example.com;",
        "https://a.example,https://b.example",
        "https://cdn.example.com?x=1",
        "https://cdn.example.com#x",
        "https://user@cdn.example.com",
        "https://cdn.exämple.com",
        'https://cdn.example.com"',
        "javascript:alert(1)",
        "https://cdn.example.com/\x0bx",
        "https://cdn.example.com/\x7f",
    ],
)
def test_a_source_is_a_host_of_ones_own_naming(source):
    [*found] = source_errors(f"img-src {source}")

    assert found
    assert "is no address of a host. Write it like https://cdn.example.com" in " ".join(found) or (
        "is no directive" in " ".join(found)
    )
    assert source not in read_sources(f"img-src {source}").get("img-src", ())


@given(st.text())
def test_whatever_is_read_may_be_added_and_what_is_amiss_is_told(text: str):
    found = read_sources(text)

    assert all(is_addable(name, source) for name in found for source in found[name])
    assert bool(found) or bool(source_errors(text)) or not text.strip()
