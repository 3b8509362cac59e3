"""The answers of the API: JSON of what the visitor chose, and of what follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from django.http import HttpResponse

from consent.pages.script_bundles import tools_to_start
from consent.visitor import Consent

PRIVATE = "private, no-cache, no-store, must-revalidate, max-age=0"
"""``Cache-Control`` of an answer that no cache may store."""


def to_json(content: object) -> str:
    """Return ``content`` as compact JSON."""
    return json.dumps(content, separators=(",", ":"))


def answer(body: str, headers: Mapping[str, str]) -> HttpResponse:
    """Return the answer with ``body``, which is JSON."""
    return HttpResponse(body, content_type="application/json", headers=dict(headers))


def own(content: object) -> HttpResponse:
    """Return an answer for the visitor alone: no cache stores it, no other website embeds it."""
    headers = {"Cache-Control": PRIVATE, "Cross-Origin-Resource-Policy": "same-origin"}
    return answer(to_json(content), headers)


def preferences(consent: Consent) -> HttpResponse:
    """Return the answer to a read: the members of `PreferencesSerializer`."""
    return _joined(_state(consent), _allowed(consent))


def _state(consent: Consent) -> dict[str, object]:
    """Return the members of `PreferencesSerializer`, except ``allowed``."""
    decision = consent.decision
    lifetime = consent.policy.lifetime_days
    return {
        "decided": decision is not None,
        "ask": consent.must_ask,
        "revision": decision and decision.revision,
        "decided_on": decision and decision.decided_on.isoformat(),
        "expires_on": decision and decision.expires_on(lifetime).isoformat(),
        "choices": consent.choices,
        "refused_tools": sorted(consent.refused_tools),
        "opted_out": consent.is_opted_out,
        "overridden": consent.is_overridden,
    }


def _allowed(consent: Consent) -> str:
    """Return the member ``allowed`` as JSON, made once for all visitors with the same consent."""
    selection = consent.selection
    key = ("allowed", selection.state)
    return selection.policy.rendered.get(
        key, lambda: [to_json({"allowed": [tool.key for tool in selection.tools]})]
    )[0]


def outcome(consent: Consent) -> HttpResponse:
    """Return the answer to a write: the members of `OutcomeSerializer`."""
    selection = consent.selection

    def make() -> list[str]:
        allowed = [tool.key for tool in selection.tools]
        start = tools_to_start(selection)
        return [to_json({"allowed": allowed, "start": start, "stop": asdict(consent.clean_up)})]

    key = ("outcome", selection.state)
    receipt = consent.outcome.receipt
    state = {
        **_state(consent),
        "recorded": consent.is_recorded,
        "receipt": str(receipt) if receipt else None,
    }
    return _joined(state, selection.policy.rendered.get(key, make)[0])


def _joined(state: dict[str, object], more: str) -> HttpResponse:
    """Return the members of ``state`` and of the JSON object ``more``; no cache stores it."""
    return answer(f"{to_json(state)[:-1]},{more[1:]}", {"Cache-Control": PRIVATE})
