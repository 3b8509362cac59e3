"""The data that the app's templates show, in the active language: policy, choices, addresses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from consent.conf import conf
from consent.models import Record, Tool
from consent.models.legal_basis import basis_of
from consent.models.texts_language import marked
from consent.policy import CompiledCategory, CompiledPolicy
from consent.policy.texts import Texts
from consent.policy.versions import category_texts, policy_texts, version_of
from consent.visitor import Consent

# The place for the address of the page in markup that is reused, as NONCE is for the nonce.
PAGE_ADDRESS = "\1"


def texts_data(policy: CompiledPolicy, regime: str) -> dict[str, object]:
    """Return the policy's texts under ``regime``, and the addresses of the app's own pages."""
    sales = [c for c in policy.optional if c.key in policy.sales]
    return {
        "policy": _plain_numbers(policy_texts(policy, regime)),
        "legal_basis": basis_of(regime),
        "version": version_of(policy, regime).name if policy else "",
        "cookie_name": policy.cookie_name,
        "account_cookie_name": policy.account_cookie_name if conf.LOGIN_SYNC else "",
        "sales": _names(policy, sales),
        "dnt": conf.DNT,
        **url_data(policy),
    }


def policy_data(policy: CompiledPolicy, regime: str) -> dict[str, object]:
    """Return the policy's texts under ``regime`` with its categories and tools."""
    texts = Texts(policy)
    categories = [_plain_numbers(category_texts(each, texts)) for each in policy.categories]
    return {**texts_data(policy, regime), "categories": categories}


def choices_data(consent: Consent) -> dict[str, object]:
    """Return what the visitor chose, and what was added to the policy since."""
    choices = consent.choices
    granted = [c for c in consent.policy.optional if choices[c.key]]
    refused = [c for c in consent.policy.optional if choices[c.key] is False]
    ticked = [c.key for c in consent.policy.optional if is_fully_allowed(consent, c)]
    return {
        "decided": consent.decision is not None,
        "granted": _names(consent.policy, granted),
        "refused": _names(consent.policy, refused),
        "ticked": ticked,
        "refused_tools": consent.refused_tools,
        "opted_out": consent.is_opted_out,
        "overridden": consent.is_overridden,
        "news": _news(consent),
    }


def _names(policy: CompiledPolicy, categories: Iterable[CompiledCategory]) -> list[str]:
    """Return the names, those in another language than the app's texts with that as markup."""
    texts = Texts(policy)
    found = (texts.fields({"name": each.name}, each.key) for each in categories)
    return [marked(each["name"], each["languages"].get("name", "")) for each in found]


def _news(consent: Consent) -> list[dict[str, Any]]:
    texts = Texts(consent.policy)
    news = []
    for item in consent.additions:
        name = texts.fields({"name": item.name or ""}, item.tool_key, names=Tool.NAMES)
        category = texts.find(item.category, item.category_key, "name")
        languages = {**name["languages"], **texts.marks({"category": category})}
        news.append({**name, "category": category.text, "languages": languages})
    return news


def embed_data(policy: CompiledPolicy, regime: str, key: str) -> dict[str, object]:
    """Return the data of the placeholder that asks for the category or tool ``key``.

    ``tools`` names who would receive data, ``category`` the purpose. The policy must have ``key``.
    """
    known = {category.key: category for category in policy.categories}
    category = category_texts(known.get(key) or known[policy.tools[key].category], Texts(policy))
    tools = [tool for tool in category["tools"] if key in (tool["key"], category["key"])]
    context = {"category": category, "tools": tools, "embed_url": reverse("consent:embed")}
    return {**texts_data(policy, regime), **context}


def name_of(policy: CompiledPolicy, key: str) -> str:
    """Return the name of the category or tool ``key``, which the policy must have."""
    found = next((category for category in policy.categories if category.key == key), None)
    return Texts(policy).find((found or policy.tools[key]).name, key, "name").text


def receipt_data(record: Record) -> dict[str, object]:
    """Return the data of one of the visitor's own records, with the names that they were shown."""
    categories = record.version.shown["categories"]
    shown = [*categories, *(tool for category in categories for tool in category["tools"])]
    names = {each["key"]: each["name"] for each in shown}
    return {
        "id": record.receipt,
        "decided_at": record.decided_at,
        "granted": [names.get(key, key) for key, at in record.choices.items() if at],
        "refused": [names.get(key, key) for key, at in record.choices.items() if not at],
    }


def is_fully_allowed(consent: Consent, category: CompiledCategory) -> bool:
    """Say whether all of ``category`` is allowed: only then its box is ticked."""
    position = consent.policy.categories.index(category)
    # What the visitor refused by itself was shown; what was hidden from them was not.
    hidden = consent.selection.without - consent.refused_tools
    is_shown = hidden.isdisjoint(tool.key for tool in category.tools)
    return consent.selection.levels[position] == len(category.thresholds) and is_shown


def url_data(policy: CompiledPolicy) -> dict[str, object]:
    """Return the addresses of the app's own pages and of its API, if the URLconf has them."""
    if not policy.has_addresses:
        return {}
    return {
        "preferences_url": reverse("consent:preferences"),
        "api_url": reverse("consent:api-preferences"),
        "notice_url": reverse("consent:notice"),
        "region_url": reverse("consent:region"),
        "receipts_url": reverse("consent:receipts") if conf.RECORDS else "",
        "next": PAGE_ADDRESS,
    }


def _plain_numbers(data: object) -> object:
    """Return ``data`` with its integers as text.

    Forms and scripts send them back, so templates may not localize them (USE_THOUSAND_SEPARATOR).
    """
    if isinstance(data, dict):
        return {key: _plain_numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain_numbers(value) for value in data]
    is_number = isinstance(data, int) and not isinstance(data, bool)
    return str(data) if is_number else data
