"""The text of a policy's file: written from the database, and read with every problem named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils.text import Truncator
from rest_framework.serializers import ValidationError
from rest_framework.settings import api_settings

from consent.models import Policy
from consent.transfer.fields import JSONObject
from consent.transfer.serializers import (
    CategorySerializer,
    DocumentSerializer,
    PolicySerializer,
    RegionRuleSerializer,
)
from consent.transfer.tools import Row
from consent.transfer.wording import TransferError, printable, shown

FORMAT = 1
_LONGEST_PROBLEM = 300


@dataclass(frozen=True)
class Export:
    """``text``: the file's. ``left_out``: the secrets not in it, such as ``zapier.hook_url``."""

    key: str
    text: str
    left_out: tuple[str, ...]


def export_policy(key: str | None = None, *, with_secrets: bool = False) -> Export:
    """Return the policy ``key`` (None: the one in use) as the text of a file.

    The same policy gives the same text on every database. Parameters that a recipe calls secret
    are only in it ``with_secrets``. Raises TransferError where there is no such policy, or where
    the catalogue is invalid, so that it is unknown what is secret.
    """
    policy = _find(key)
    rows = policy.categories.order_by("order", "pk").prefetch_related("tools__cookies")
    context = {"with_secrets": with_secrets}
    categories = _numbered(list(CategorySerializer(rows, many=True, context=context).data))
    top = {
        "format": FORMAT,
        "policy": PolicySerializer(policy).data,
        "region_rules": rules_of(policy),
        "categories": categories,
    }
    left_out = (
        f"{tool['key']}.{name}"
        for category in categories
        for tool in category["tools"]
        for name in tool.get("left_out", ())
    )
    text = json.dumps(top, ensure_ascii=False, indent=2) + "\n"
    return Export(policy.key, text, tuple(left_out))


def rules_of(policy: Policy) -> list[Row]:
    """Return the stored rules for regions as a file has them."""
    rules = policy.region_rules.order_by("order", "pk")
    return [dict(row) for row in RegionRuleSerializer(rules, many=True).data]


def rising(orders: list[int]) -> list[int]:
    """Return the ``order`` of categories as it is, or as 10, 20, 30 … where it does not rise.

    Of equal numbers a database makes an order of its own, which another one need not share.
    """
    if all(first < second for first, second in pairwise(orders)):
        return orders
    return [position * 10 for position in range(1, len(orders) + 1)]


def read(text: str) -> Row:
    """Return what the text of a file holds: ``policy``, ``region_rules`` and ``categories``.

    Raises TransferError with everything in it that is invalid.
    """
    top = _parsed(text)
    if isinstance(top, dict) and (problem := _wrong_format(top.get("format", FORMAT))):
        raise TransferError([problem])
    try:
        data: Row = DocumentSerializer().run_validation(top)
    except ValidationError as error:
        raise TransferError(_sentences("", error.detail, top)) from error
    return {**data, "categories": _numbered(data["categories"])}


def _numbered(categories: list[Row]) -> list[Row]:
    orders = rising([category["order"] for category in categories])
    return [{**row, "order": order} for row, order in zip(categories, orders, strict=True)]


def _find(key: str | None) -> Policy:
    found = Policy.objects.default() if key is None else Policy.objects.filter(key=key).first()
    if found is not None:
        return found
    what = "No policy is in use." if key is None else f"There is no policy “{key}”."
    keys = ", ".join(Policy.objects.order_by("key").values_list("key", flat=True))
    hint = f"There is: {keys}." if keys else "There is none; consent_init makes one."
    raise TransferError([f"{what} {hint}"])


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=JSONObject, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TransferError([f"{place}: this is no JSON: {error.msg}."]) from error
    except ValueError as error:
        raise TransferError([f"the file: {error}"]) from error
    except RecursionError as error:
        raise TransferError(["the file: it is nested too deeply."]) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON; write a number.")


def _wrong_format(version: object) -> str:
    if version == FORMAT and not isinstance(version, bool | float):
        return ""
    use = "Use the same version of the app on both sides."
    return f"format: {shown(version)} is not known here; {FORMAT} is. {use}"


def _sentences(path: str, detail: Any, data: object) -> Iterator[str]:
    """Return the errors of a serializer as sentences, each with its place and the value there."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _sentences(_at(path, name), inner, _value_at(data, name))
    elif any(isinstance(inner, dict | list) for inner in detail):
        for index, inner in enumerate(detail):
            yield from _sentences(f"{path}[{index}]", inner, _value_at(data, index))
    else:
        for message in detail:
            sentence = printable(Truncator(message).chars(_LONGEST_PROBLEM))
            yield f"{path or 'the file'}: {_with_value(data, sentence)}"


def _at(path: str, name: str | int) -> str:
    if name in ("", api_settings.NON_FIELD_ERRORS_KEY):
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _value_at(data: object, name: str | int) -> object:
    """Return the value for which the errors at ``name`` are, or None where none is to be shown."""
    # What belongs to parameters may be a secret.
    if isinstance(data, JSONObject) and name != "parameters":
        return data.get(str(name))
    return data[name] if isinstance(data, list) and isinstance(name, int) else None


def _with_value(value: object, sentence: str) -> str:
    if value in (None, "") or isinstance(value, dict | list) or str(value) in sentence:
        return sentence
    return f"{shown(value)}: {sentence}"
