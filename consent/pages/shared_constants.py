"""The constants that both the server and the scripts in consent/browser/ must know.

`make assets` writes them to consent/browser/shared.json, and the build replaces `SHARED.NAME` in
the scripts by their values. So each is defined once, in the Python module that uses it.
"""

from __future__ import annotations

from consent.pages import markup
from consent.policy import decision
from consent.recipes import keys, markers

# As short as it can be: groups that capture nothing, and [0-9], would make the script larger.
_LENGTH = rf"(?!.{{{keys.MAX_COOKIE_LENGTH + 1}}})"
_COOKIE = rf"^{_LENGTH}{decision.FORMAT}{decision.OPT_OUT}?(\.({keys.KEY}_)?{decision.NUMBER})+$"

SHARED_CONSTANTS: dict[str, str | int] = {
    # The text of the preference cookie: see `consent.policy.decision`.
    "COOKIE_PATTERN": _COOKIE.replace("(?:", "(").replace("[0-9]", r"\d"),
    "SECONDS_PER_DAY": decision.SECONDS_PER_DAY,
    # Attributes and ids in the markup of pages.
    "TOOL": markers.TOOL,
    "SLOT": markup.SLOT,
    "IF": markup.IF,
    "END": markup.END,
    "MARKUP": markup.MARKUP,
    "EMBED": markup.EMBED,
    "LOADED_ONCE": markup.LOADED_ONCE,
    "STATUS_ID": markup.STATUS_ID,
}
