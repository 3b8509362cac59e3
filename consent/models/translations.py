"""Translations of the owner's texts, stored on the object that has the text.

A JSON field of each object, and no model of its own: it is read, edited, deleted, copied and
noticed with the object, so that nothing can refer to a text that is gone.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext_lazy as _

from consent.models import fields

LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")

validate_language = RegexValidator(
    rf"\A{LANGUAGE.pattern}\Z",
    _("“%(value)s” is not a code of a language: write it as the setting LANGUAGES does, as de-at."),
)


class Translation(NamedTuple):
    """A translation: ``text``, and ``source``, the text that was translated."""

    text: str
    source: str


def site_language() -> str:
    """Return the language of LANGUAGE_CODE, as it is in LANGUAGES (``en`` for ``en-us``)."""
    try:
        return get_supported_language_variant(settings.LANGUAGE_CODE)
    except LookupError:
        return settings.LANGUAGE_CODE


def validate_translations(value: object) -> None:
    """Raise ValidationError unless ``value`` has the form of `Translated.translations`."""
    if not isinstance(value, dict) or not all(map(_is_valid, value.keys(), value.values())):
        raise ValidationError(
            _("Write translations as {language: {field: {“source”: text, “text”: translation}}}.")
        )


def _is_valid(language: object, texts: object) -> bool:
    if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
        return False
    return isinstance(texts, dict) and all(_read(stored) for stored in texts.values())


def _read(stored: object) -> Translation | None:
    """Return a stored translation; None where it is none, whoever wrote it."""
    if not isinstance(stored, dict) or stored.keys() != {"source", "text"}:
        return None
    text, source = stored["text"], stored["source"]
    is_text = isinstance(text, str) and isinstance(source, str) and text.strip()
    return Translation(text, source) if is_text else None


class Translated(models.Model):
    """Something with texts that visitors read, which can be given in further languages.

    A new translation is wording: it raises no revision. One whose source text was changed since is
    kept, so that it can be corrected, but it is not shown.
    """

    TEXTS: ClassVar[tuple[str, ...]]
    # Of those, the ones that most translations leave as they are.
    NAMES: ClassVar[tuple[str, ...]] = ()

    translations = fields.JSONField(
        _("translations"),
        default=dict,
        blank=True,
        editable=False,
        validators=[validate_translations],
    )

    class Meta:
        abstract = True

    @property
    def languages(self) -> list[str]:
        """The languages that something is stored in, sorted."""
        stored: Any = self.translations
        return sorted(map(str, stored)) if isinstance(stored, dict) else []

    def translation(self, language: str, name: str) -> Translation | None:
        """Return the stored translation of the field ``name``, outdated or not."""
        stored: Any = self.translations
        for key in (language, name):
            stored = stored.get(key) if isinstance(stored, dict) else None
        return _read(stored)

    def is_current(self, translation: Translation | None, name: str) -> bool:
        """Say whether ``translation`` is that of the text that the field ``name`` has now."""
        return translation is not None and translation.source == getattr(self, name)

    def translate(self, language: str, name: str, text: str) -> None:
        """Set the translation of the field's present text; "" removes it. Saves nothing."""
        texts = {each: self.translation(language, each) for each in self.TEXTS}
        texts[name] = Translation(text, getattr(self, name)) if text.strip() else None
        kept = {each: found._asdict() for each, found in texts.items() if found}
        others = {each: self.translations[each] for each in self.languages if each != language}
        self.translations = {**others, **({language: kept} if kept else {})}
