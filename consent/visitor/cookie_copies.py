"""Several preference cookies in one request: of the host itself, and of a parent domain.

Django keeps the last of the copies, and which one that is depends on the browser. Copies that
differ are not clear, so nothing but what is essential is allowed (and a refusal among them counts
as a refusal of everything). https://www.rfc-editor.org/rfc/rfc6265#section-5.4 (2.)
"""

from __future__ import annotations

from types import MappingProxyType

from consent.policy.decision import Decision, parse

# Headers are longer than this only on purpose: servers accept 8 to 64 KB.
_MAX_HEADER = 65_536


def combine_copies(header: str, name: str, text: str) -> str:
    """Return the text that counts if the ``Cookie`` header has several cookies called ``name``.

    ``text``: what Django found. It is returned if there is one copy, or if all are equal. Copies
    that differ become a refusal if one of them refuses anything, else "", which is not clear.
    """
    if header.count(f"{name}=") < 2:
        return text
    return _combine(header, name, text) if len(header) <= _MAX_HEADER else ""


def _combine(header: str, name: str, text: str) -> str:
    pairs = (pair.partition("=") for pair in header.split(";"))
    copies = {value.strip() for key, _, value in pairs if key.strip() == name}
    if len(copies) < 2:
        return text
    refusals = [found for found in map(parse, copies) if found and found.refuses]
    if not refusals:
        return ""
    latest = max(refusals, key=lambda refusal: (refusal.day, refusal.text))
    refused = MappingProxyType(dict.fromkeys(latest.choices, 0))
    return Decision(latest.revision, latest.day, refused).text
