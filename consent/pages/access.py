"""Access that requires consent: which categories or tools a visitor does not allow, and why."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from consent.models.texts_language import gettext
from consent.policy import CompiledPolicy
from consent.policy.texts import Texts
from consent.visitor import consent_of

logger = logging.getLogger("consent")


def validate_keys(keys: tuple[Any, ...]) -> tuple[str, ...]:
    """Return ``keys``; raise ImproperlyConfigured unless they are one text or more."""
    if not keys or not all(isinstance(key, str) for key in keys):
        raise ImproperlyConfigured(
            "Name the categories or tools that have to be allowed by their keys, for example "
            f'consent_required("marketing-analytics"); got {keys!r}.'
        )
    return keys


def missing_consent(request: HttpRequest | None, keys: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``keys`` (of categories or tools) that the visitor does not allow.

    A key that the policy does not have is never allowed; it is logged, and under DEBUG it raises
    ImproperlyConfigured. Raises as `consent_of` does.
    """
    consent = consent_of(request)
    missing = tuple(key for key in keys if not consent.allows(key))
    if unknown := [key for key in missing if key not in consent.policy.needed]:
        _report_unknown(consent.policy, unknown)
    return missing


def describe_missing(request: HttpRequest | None, missing: Iterable[str]) -> list[dict[str, Any]]:
    """Describe each key in ``missing`` to a visitor, in the active language.

    ``name`` of the category or tool, ``category`` of a tool ("" for a category), and ``purpose`` of
    the category; ``languages`` of those that are in another language than the app's own texts.
    Keys that the policy does not have are left out.
    """
    policy = consent_of(request).policy
    return [_reason(policy, key) for key in missing if key in policy.needed]


def refusal_data(request: HttpRequest | None, missing: tuple[str, ...]) -> dict[str, Any]:
    """Return the body of a refusal in JSON: ``detail``, and the keys as ``required``."""
    names = ", ".join(reason["name"] for reason in describe_missing(request, missing))
    detail = gettext("This needs your consent, which you have not given: %s.")
    return {"detail": detail % (names or ", ".join(missing)), "required": list(missing)}


def _reason(policy: CompiledPolicy, key: str) -> dict[str, Any]:
    category = policy.categories[policy.needed[key][0]]
    texts = Texts(policy)
    found = {
        "name": texts.find(category.name, category.key, "name"),
        "purpose": texts.find(category.purpose, category.key, "purpose"),
    }
    if key != category.key:
        found["category"] = texts.find(category.name, category.key, "name")
        found["name"] = texts.find(policy.tools[key].name, key, "name")._replace(language="")
    words = {name: shown.text for name, shown in found.items()}
    return {"category": "", **words, "languages": texts.marks(found)}


def _report_unknown(policy: CompiledPolicy, unknown: list[str]) -> None:
    known = ", ".join(sorted(policy.needed))
    if not policy:
        logger.warning("There is no policy, so %s cannot be allowed: access is refused.", unknown)
    elif settings.DEBUG:
        raise ImproperlyConfigured(
            f"A view requires consent to {', '.join(map(repr, unknown))}, but the policy has no "
            f"such category or enabled tool. It has: {known}."
        )
    else:
        logger.warning("A view requires %s, which the policy does not have: refused.", unknown)
