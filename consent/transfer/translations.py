"""Translations in a file: a language that it does not have stays, as a tool of that kind does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers

from consent.models import Category, Cookie, Policy, Tool
from consent.models.translations import Translated, validate_translations
from consent.transfer.fields import repeated_names
from consent.transfer.tools import Row
from consent.transfer.wording import change, printable
from consent.transfer.work import Work

FIELD = "translations"
_MODELS: tuple[type[Translated], ...] = (Policy, Category, Tool, Cookie)
_NAMES = tuple(dict.fromkeys(name for model in _MODELS for name in model.TEXTS))


class Translations(serializers.Field[Row, Any, Row, Any]):
    """The translations of a row of ``model``: language, field, source text and translation."""

    def __init__(self, model: type[Translated]) -> None:
        super().__init__(required=False)
        self._model = model

    def to_internal_value(self, data: Any) -> Row:
        """Return ``data``; raise ValidationError where it is not in the form of the model's."""
        try:
            validate_translations(data)
        except ValidationError as error:
            raise serializers.ValidationError(error.messages) from error
        if problems := [*self._problems(data)]:
            raise serializers.ValidationError(problems)
        return {language: {**texts} for language, texts in data.items()}

    def to_representation(self, value: object) -> Row:
        """Return the valid ones, in the order of languages and fields."""
        return _texts(self._model(translations=value))

    def _problems(self, data: Row) -> Iterator[str]:
        for place, found in (("", data), *data.items()):
            yield from (f"{place}.{name}: {why[0]}" for name, why in repeated_names(found))
        for language, texts in data.items():
            for name, stored in texts.items():
                if problem := _problem(self._model, name, stored["text"]):
                    yield f"{language}.{printable(name)}: {problem}"


def _texts(row: Translated) -> Row:
    """Return the stored translations without what has not their form."""
    texts = {
        language: {
            name: {"source": found.source, "text": found.text}
            for name in row.TEXTS
            if (found := row.translation(language, name))
        }
        for language in row.languages
    }
    return {language: found for language, found in texts.items() if found}


def _problem(model: type[Translated], name: str, text: str) -> str:
    """Return why ``text`` cannot be a translation of the field ``name``, or ""."""
    if name not in model.TEXTS:
        return f"unknown. Known are: {', '.join(model.TEXTS)}."
    longest = getattr(model._meta.get_field(name), "max_length", None)
    if longest is not None and len(text) > longest:
        return f"it has {len(text)} characters; at most {longest} are possible."
    return ""


def with_stored(work: Work, row: Translated, data: Row) -> Row:
    """Return the file's ``data`` of ``row`` with the languages that only the database has."""
    wanted: Row = data.get(FIELD, {})
    stored = {name: texts for name, texts in _texts(row).items() if name not in wanted}
    if work.options.delete:
        stored = {}
    work.kept_translations.update({name: len(texts) for name, texts in stored.items()})
    return {**data, FIELD: {**stored, **wanted}}


def kept(work: Work) -> Iterator[str]:
    """Return a line for each language of which translations stay."""
    for language, number in sorted(work.kept_translations.items()):
        yield f"{number} translation{'' if number == 1 else 's'} into {language}"


def changes(what: str, old: object, new: object) -> Iterator[str]:
    """Return a line for each translation that differs."""
    # Of any model: what is stored may be of none.
    before, after = Policy(translations=old), Policy(translations=new)
    for language in sorted({*before.languages, *after.languages}):
        for name in _NAMES:
            pair = [each.translation(language, name) for each in (before, after)]
            if pair[0] != pair[1]:
                texts = [found.text if found else "" for found in pair]
                yield f"~ {what}: {name} in {language}: {change(*texts)}"
