"""The form of a policy's file, and which of its values are valid.

Lengths, choices and validators are those of the models. Unlike an API, a file has every field and
no other, and no value is converted, so that an exported policy comes back exactly as it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models
from rest_framework import serializers

from consent.models import Category, Cookie, Policy, RegionRule, Tool
from consent.models.validators import validate_key
from consent.transfer import tools
from consent.transfer.fields import (
    Choice,
    Flag,
    JSONObject,
    Number,
    Parameters,
    Text,
    repeated_names,
)
from consent.transfer.tools import Problem, Row
from consent.transfer.translations import FIELD, Translations
from consent.transfer.wording import printable, shown


class _Object(serializers.Serializer[Any]):
    """An object that has no unknown name, and none twice."""

    def to_internal_value(self, data: object) -> Row:
        row: Row = {}
        problems: Row = dict([*_unknown_names(data, self.fields), *repeated_names(data)])
        try:
            row = super().to_internal_value(data)
        except serializers.ValidationError as error:
            # In the order of the file's problems, and of two for one name the first.
            problems = problems | error.detail | problems  # type: ignore[operator]
        if problems:
            raise serializers.ValidationError(problems)
        return row


class _Row(_Object, serializers.ModelSerializer[Any]):
    """A model's row, of which every field is in the file."""

    serializer_choice_field = Choice
    serializer_field_mapping = {
        models.CharField: Text,
        models.TextField: Text,
        models.BooleanField: Flag,
        models.PositiveSmallIntegerField: Number,
    }

    def build_standard_field(self, *args: Any) -> Any:
        field_class, kwargs = super().build_standard_field(*args)
        as_it_is = {"trim_whitespace": False} if field_class is Text else {}
        return field_class, {**kwargs, **as_it_is, "required": True}


class _TranslatedRow(_Row):
    """A row with translations, which the file has only where there are any."""

    def to_representation(self, instance: Any) -> Row:
        row: Row = super().to_representation(instance)
        return row if row[FIELD] else {name: row[name] for name in row if name != FIELD}


class PolicySerializer(_TranslatedRow):
    """A policy's own texts and rules."""

    translations = Translations(Policy)

    class Meta:
        model = Policy
        fields = (
            *("key", "name", "language", "is_default", "regime", "lifetime_days", "notice_text"),
            *("introduction", "explanation", "policy_url", "privacy_url", "hosts"),
            *("controller_name", "controller_address", "controller_contact"),
            *("tool_choices", "wait_for_update", "ads_data_redaction", "url_passthrough"),
            FIELD,
        )
        # A policy that has the key already is changed, and one that is in use is replaced.
        extra_kwargs = {"key": {"validators": [validate_key]}, "is_default": {"validators": []}}


class RegionRuleSerializer(_Row):
    """What holds in some regions."""

    class Meta:
        model = RegionRule
        fields = ("regions", "regime")


class CookieSerializer(_TranslatedRow):
    """A cookie that a tool declares."""

    translations = Translations(Cookie)

    class Meta:
        model = Cookie
        fields = ("name", "kind", "party", "retention", "purpose", FIELD)


class ToolSerializer(_TranslatedRow):
    """A tool with its cookies: by a recipe with parameters, or by a snippet ("": only declared).

    ``left_out``: names of secret parameters that were set where the file was written. Secrets are
    written only with ``with_secrets`` in the context.
    """

    recipe = Text(max_length=40, required=False)
    parameters = Parameters(child=Text(allow_blank=True, trim_whitespace=False), required=False)
    left_out = serializers.ListField(child=Text(), required=False, write_only=True)
    cookies = CookieSerializer(many=True)
    translations = Translations(Tool)

    class Meta:
        model = Tool
        fields = (
            *("key", "name", "vendor", "privacy_url", "enabled", "sources", "placement"),
            *("hears_decisions", "order", "recipe", "parameters", "left_out", "snippet"),
            *(FIELD, "cookies"),
        )
        extra_kwargs = {"snippet": {"required": False}}

    def validate(self, attrs: Row) -> Row:
        """Return all fields, absent ones empty; raise ValidationError by the rules in `tools`."""
        _refuse(tools.wrong_form(attrs))
        absent = {"recipe": "", "snippet": "", "parameters": {}, "left_out": []}
        tool = {**attrs, **{name: v for name, v in absent.items() if name not in attrs}}
        _refuse(tools.problems(tool))
        return tool

    def to_representation(self, instance: Tool) -> Row:
        """Return the fields of either kind of tool."""
        row = {**super().to_representation(instance), "parameters": tools.filled(instance)}
        row["cookies"].sort(key=tools.cookie_identity)
        if not instance.recipe:
            return {k: v for k, v in row.items() if k not in ("recipe", "parameters")}
        del row["snippet"]
        if not self.context.get("with_secrets") and (names := tools.secrets_of(instance)):
            visible = {k: v for k, v in row["parameters"].items() if k not in names}
            return {**row, "parameters": visible, "left_out": names}
        return row


class CategorySerializer(_TranslatedRow):
    """A category with its tools, in the order in which visitors see them on every database."""

    tools = ToolSerializer(many=True)
    translations = Translations(Category)

    class Meta:
        model = Category
        fields = (
            *("key", "name", "purpose", "essential", "sale", "consent_types", "order"),
            *(FIELD, "tools"),
        )

    def to_representation(self, instance: Category) -> Row:
        """Return the fields, and the tools in their order."""
        row: Row = super().to_representation(instance)
        return {**row, "tools": sorted(row["tools"], key=tools.order)}


class DocumentSerializer(_Object):
    """A whole file."""

    format = Number()
    policy = PolicySerializer()
    region_rules = RegionRuleSerializer(many=True)
    categories = CategorySerializer(many=True)

    def validate(self, attrs: Row) -> Row:
        """Refuse a key that two categories or tools have."""
        places: dict[str, str] = {}
        for path, key in keys_in(attrs["categories"]):
            places.setdefault(key, path)
        _refuse(
            (f"{path}.key", f"{shown(key)} is the key of {places[key]} already; choose another.")
            for path, key in keys_in(attrs["categories"])
            if places[key] != path
        )
        return attrs


def keys_in(categories: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Return the place in the file and the key of each category and tool."""
    for index, category in enumerate(categories):
        yield f"categories[{index}]", category["key"]
        for number, tool in enumerate(category["tools"]):
            yield f"categories[{index}].tools[{number}]", tool["key"]


def _unknown_names(data: object, known: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    for name in data if isinstance(data, JSONObject) else ():
        if name not in known:
            yield printable(name), [f"unknown. Known are: {', '.join(known)}."]


def _refuse(problems: Iterable[Problem]) -> None:
    """Raise ValidationError with all problems, if there are any."""
    by_place: dict[str, list[str]] = defaultdict(list)
    for place, message in problems:
        by_place[place].append(message)
    if by_place:
        raise serializers.ValidationError(dict(by_place))
