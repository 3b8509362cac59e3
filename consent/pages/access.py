"""What a view requires of its visitor's consent, and what of that is missing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.translation import gettext

from consent.models import default_texts
from consent.policy import CompiledPolicy
from consent.visitor import consent_of

logger = logging.getLogger("consent")


def check_keys(keys: tuple[Any, ...]) -> tuple[str, ...]:
    """Return ``keys``; raise ImproperlyConfigured where there is none, or one is no text."""
    if not keys or not all(isinstance(key, str) for key in keys):
        raise ImproperlyConfigured(
            "Name the categories or tools that have to be allowed by their keys, for example "
            f'consent_required("marketing-analytics"); got {keys!r}.'
        )
    return keys


def lacking(request: HttpRequest | None, keys: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``keys`` (of categories or tools) that the visitor does not allow.

    One that the policy does not know is never allowed, and a line in the log says so; under DEBUG
    raises ImproperlyConfigured. Raises as `consent_of` does.
    """
    consent = consent_of(request)
    missing = tuple(key for key in keys if not consent.allows(key))
    if unknown := [key for key in missing if key not in consent.policy.needed]:
        _complain(consent.policy, unknown)
    return missing


def reasons(request: HttpRequest | None, missing: Iterable[str]) -> list[dict[str, str]]:
    """Return for each key in ``missing`` what a visitor knows it by, in the active language.

    ``name``: the category's or tool's. ``category``: the tool's; "" for a category. ``purpose``:
    the category's. Keys that the policy does not know are left out.
    """
    policy = consent_of(request).policy
    return [_reason(policy, key) for key in missing if key in policy.needed]


def refusal(request: HttpRequest | None, missing: tuple[str, ...]) -> dict[str, Any]:
    """Return what a client that reads JSON is told: ``detail``, and ``required``: the keys."""
    names = ", ".join(reason["name"] for reason in reasons(request, missing))
    detail = gettext("This needs your consent, which you have not given: %s.")
    return {"detail": detail % (names or ", ".join(missing)), "required": list(missing)}


def _reason(policy: CompiledPolicy, key: str) -> dict[str, str]:
    category = policy.categories[policy.needed[key][0]]
    told = {"purpose": default_texts.localized(category.purpose)}
    if key == category.key:
        return {"name": default_texts.localized(category.name), "category": "", **told}
    tool = policy.tools[key]
    return {"name": tool.name, "category": default_texts.localized(category.name), **told}


def _complain(policy: CompiledPolicy, unknown: list[str]) -> None:
    known = ", ".join(sorted(policy.needed))
    if not policy:
        logger.warning("There is no policy, so %s cannot be allowed: refused.", unknown)
    elif settings.DEBUG:
        raise ImproperlyConfigured(
            f"A view requires consent to {', '.join(map(repr, unknown))}, but the policy has no "
            f"such category or enabled tool. It has: {known}."
        )
    else:
        logger.warning("A view requires %s, which the policy does not have: refused.", unknown)
