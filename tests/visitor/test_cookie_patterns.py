"""Name patterns of cookies: what matches, and that it takes few steps whatever the name is."""

import re
from fnmatch import translate
from itertools import product

import pytest

from consent.visitor.cookie_cleanup import matches


class CountingName(str):
    """A cookie's name that counts how often something is looked for in it."""

    __slots__ = ("searches",)

    def __init__(self, _: str) -> None:
        self.searches = 0

    def find(self, *args) -> int:
        self.searches += 1
        return super().find(*args)


@pytest.mark.parametrize("pattern", ["*_*_*_*y*", "a*_*_*_*y*_", "*_*_*_*_*y*_*"])
def test_a_long_name_takes_one_search_for_each_part(pattern):
    name = CountingName("a" + "_" * 40)
    assert not matches(name, (pattern,))
    assert 0 < name.searches <= pattern.count("*")


def test_patterns_match_as_a_backtracking_search_would():
    texts = ["".join(letters) for size in range(5) for letters in product("ab*", repeat=size)]
    names = [text for text in texts if "*" not in text]
    for pattern in texts:
        wanted = re.compile(translate(pattern))
        for name in names:
            assert matches(name, (pattern,)) == bool(wanted.match(name)), (name, pattern)


@pytest.mark.parametrize("name", ["", "a\nb", "a.b", "[a]"])
def test_only_the_star_is_special(name):
    assert matches(name, (name,))
    assert matches(name, ("*",))
    assert not matches(name, ("a?b",))
    assert not matches(name, ())
