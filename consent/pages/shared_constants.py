"""The constants that both the server and the scripts in consent/browser/ must know.

`make assets` writes them to consent/browser/shared.json, and the build replaces `SHARED.NAME` in
the scripts by their values. So each is defined once, in the Python module that uses it.
"""

from __future__ import annotations

from consent.pages import markup
from consent.policy import decision
from consent.recipes import keys, markers

# Groups that capture nothing would only make the script larger.
_COOKIE = rf"^{decision.FORMAT}{decision.OPT_OUT}?(\.({keys.KEY}_)?{decision.NUMBER})+$"

SHARED_CONSTANTS: dict[str, str | int] = {
    # The text of the preference cookie: see `consent.policy.decision`.
    "COOKIE_PATTERN": _COOKIE.replace("(?:", "("),
    "FORMAT": decision.FORMAT,
    "MAX_COOKIE_LENGTH": keys.MAX_COOKIE_LENGTH,
    "SECONDS_PER_DAY": decision.SECONDS_PER_DAY,
    # Attributes and ids in the markup of pages.
    "TOOL": markers.TOOL,
    "SLOT": markup.SLOT,
    "IF": markup.IF,
    "END": markup.END,
    "EMBED": markup.EMBED,
    "LOADED_ONCE": markup.LOADED_ONCE,
    "STATUS_ID": markup.STATUS_ID,
}
