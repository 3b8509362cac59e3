"""Names without the identifiers that they contain."""

import pytest

from consent.findings.naming import folded


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cart", "cart"),
        ("cart_v2", "cart_v2"),
        ("_ga_AB12CD34EF", "_ga_*"),
        ("_hjSession_1234567", "_hjSession_*"),
        ("mp_0123456789abcdef0123456789abcdef_mixpanel", "mp_*_mixpanel"),
        ("chat-6ba7b810-9dad-11d1-80b4-00c04fd430c8", "chat-*"),
        ("seen.user12345", "seen.*"),
        ("wp-settings-time-17", "wp-settings-time-17"),
        ("abcdefghijklmnopqrstuvwxyz", "*"),
        ("hello_jane.doe@example.com", "*"),
        ("hello_jane.doe%40example.com", "*"),
        ("sch\u00f6n", "schn"),
        ("x<y", "xy"),
        ("\u00e4", "*"),
    ],
)
def test_identifiers_in_names_become_stars(name: str, expected: str):
    assert folded(name) == expected


def test_long_names_are_cut():
    assert len(folded("a." * 5_000)) <= 120
