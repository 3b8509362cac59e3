"""Which regime applies where a visitor is."""

from __future__ import annotations

from consent.policy import CompiledPolicy
from consent.regions import locating
from consent.visitor.request_reader import RequestReader


def regime_of(reader: RequestReader, policy: CompiledPolicy) -> str:
    """Return the regime by the visitor's region, if ``policy`` has rules; else the strictest.

    The region is looked up, as CONSENT_REGION says, only if the policy has rules.
    """
    if not policy.has_rules or reader.request is None:
        return policy.strictest
    headers = locating.headers()
    if headers is None:
        # No header of the request says for whom this response is.
        reader.is_private = True
    for header in headers or ():
        reader.depends_on(header)
    return policy.regimes.at(locating.region_of(reader.request))
