"""Google's Consent Mode: passes consent to Google's tags, before the first of them on a page.

Basic mode: this comes with the first of Google's tags that the visitor allows, so nothing is
requested from Google before. https://developers.google.com/tag-platform/security/guides/consent
"""

import re
from pathlib import Path

from consent.recipes.definitions import Script

_CODE = Path(__file__).with_name("google_consent_mode.js").read_text(encoding="utf-8")

PRELUDE = Script(inline=_CODE.strip().replace("CONSENT_SIGNALS", "{{consent_signals}}"))
"""Built of the source with this name in consent/browser/, which says what it does."""

_TAG = re.compile(r"googletagmanager\.com/(gtag/js|gtm\.js)", re.IGNORECASE)
_OWN_CONSENT = re.compile(r"""["']consent["']""")


def prelude(tool_key: str) -> str:
    """Return the script element that goes before the code of one of Google's tools."""
    return PRELUDE.html({}, tool_key)


def needs_prelude(html: str) -> bool:
    """Say whether pasted HTML loads a tag of Google's and leaves consent to others."""
    return bool(_TAG.search(html)) and not _OWN_CONSENT.search(html)
