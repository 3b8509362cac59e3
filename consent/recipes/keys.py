"""How the keys of policies, categories, tools and recipes are written."""

import re

KEY = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Pattern of a key: small letters, digits and single hyphens."""

MAX_CATEGORIES = 10
"""Optional categories of one policy."""

MAX_COOKIE_LENGTH = 512
"""Bytes of a preference cookie's text."""

CATEGORY_KEY_LENGTH = 32
"""Keys of this length fit into one preference cookie for all categories of a policy."""

KEY_LENGTH = 40
"""No key is longer."""


def is_key(text: str) -> bool:
    """Say whether ``text`` could be the key of a category or tool."""
    return len(text) <= KEY_LENGTH and re.fullmatch(KEY, text) is not None


def is_category_key(text: str) -> bool:
    """Say whether ``text`` could be the key of a category."""
    return len(text) <= CATEGORY_KEY_LENGTH and re.fullmatch(KEY, text) is not None
