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


def have_different_copies(header: str, name: str) -> bool:
    """Return whether the ``Cookie`` header has cookies called ``name`` that are not all equal."""
    if header.count(f"{name}=") < 2:
        return False
    return len(header) > _MAX_HEADER or len(_copies(header, name)) > 1


def combine_copies(header: str, name: str, text: str) -> str:
    """Return the text that counts if the ``Cookie`` header has several cookies called ``name``.

    ``text``: what Django found. It is returned if there is one copy, or if all are equal. Copies
    that differ become a refusal if one of them refuses anything, else "", which is not clear.
    """
    if not have_different_copies(header, name):
        return text
    copies = _copies(header, name) if len(header) <= _MAX_HEADER else set()
    refusals = [found for found in map(parse, copies) if found and found.refuses]
    if not refusals:
        return ""
    latest = max(refusals, key=lambda refusal: (refusal.day, refusal.text))
    refused = MappingProxyType(dict.fromkeys(latest.choices, 0))
    return Decision(latest.revision, latest.day, refused).text


def _copies(header: str, name: str) -> set[str]:
    pairs = (pair.partition("=") for pair in header.split(";"))
    return {value.strip() for key, _, value in pairs if key.strip() == name}
