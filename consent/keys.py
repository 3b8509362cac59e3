"""How the keys of policies, categories, tools and recipes are written."""

KEY = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Pattern of a key: small letters, digits and single hyphens."""

CATEGORY_KEY_LENGTH = 32
"""Ten categories with keys of this length fit into a preference cookie of 512 bytes."""
