"""Google's Consent Mode: what is told to Google's tags, before the first of them on a page.

Defaults first (everything denied), then what the visitor allows, then each change of it. Basic
mode: this comes with the first tag of Google's that consent allows, so nothing is asked of Google
before. https://developers.google.com/tag-platform/security/guides/consent
"""

import re

from consent.recipes.definitions import Script

# The queue carries what it was told last: so it gets defaults once, and a tool that starts later
# tells it what is new before its own commands. Commands are arguments objects: an array would not
# be taken for one. No page's own `gtag` is relied upon.
PRELUDE = Script(
    inline="""
(function () {
  function gtag() { window.dataLayer.push(arguments); }
  {{consent_signals}}(function (signals, first) {
    var layer = window.dataLayer = window.dataLayer || [];
    var told = JSON.stringify(signals);
    if (first && !layer.consentMode) {
      var denied = {};
      Object.keys(signals).forEach(function (type) { denied[type] = "denied"; });
      if (first.wait) denied.wait_for_update = first.wait;
      gtag("consent", "default", denied);
      gtag("set", "ads_data_redaction", first.redact);
      gtag("set", "url_passthrough", first.passthrough);
    }
    if (layer.consentMode !== told) gtag("consent", "update", signals);
    layer.consentMode = told;
  });
})();
""".strip()
)

_TAG = re.compile(r"googletagmanager\.com/(gtag/js|gtm\.js)", re.IGNORECASE)
_OWN_CONSENT = re.compile(r"""["']consent["']""")


def prelude(tool_key: str) -> str:
    """Return the script element that goes before the code of one of Google's tools."""
    return PRELUDE.html({}, tool_key)


def needs_prelude(html: str) -> bool:
    """Say whether pasted HTML loads a tag of Google's and leaves consent to others."""
    return bool(_TAG.search(html)) and not _OWN_CONSENT.search(html)
