"""The owner's texts in the language of a page, or in the one that is nearest to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf.locale import LANG_INFO
from django.utils import translation
from django.utils.translation import get_language, override

from consent.models import default_texts
from consent.models.texts_language import texts_language
from consent.policy.policy_data import PolicyData
from consent.policy.translations import Path

LIFETIME = "{lifetime}"


class Shown(NamedTuple):
    """A text as it is shown, and the code of its language ("" where that is not known)."""

    text: str
    language: str


@lru_cache(maxsize=256)
def fallbacks(language: str) -> tuple[str, ...]:
    """Return ``language`` and those that Django falls back to: ``de-at``, ``de``.

    As `django.utils.translation.get_supported_language_variant` has them.
    """
    parts = language.split("-")
    shorter = ["-".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
    named = LANG_INFO.get(language, {}).get("fallback", [])
    return tuple(dict.fromkeys([language, *named, *shorter]))


def is_variant(language: str, other: str) -> bool:
    """Return whether one of the two is the other, or a variant of it (``en-us`` of ``en``)."""
    return f"{language}-".startswith(f"{other}-") or f"{other}-".startswith(f"{language}-")


class Texts:
    """The texts of ``policy`` in the active language: a translation of the owner's.

    Without one it is that of a catalogue, which may be the website's own; else the text itself, in
    the policy's language.
    """

    def __init__(self, policy: PolicyData) -> None:
        self._policy = policy
        self._active = get_language() or ""
        # The language of the app's own texts, which are around each of them.
        self._around = texts_language()
        self._tables = []
        for language in fallbacks(self._active):
            if language == policy.language:
                break
            if table := policy.translations.get(language):
                self._tables.append((language, table))

    def find(self, source: str, *path: str) -> Shown:
        """Return the text ``source`` as it is shown; ``path``: see `Path`."""
        for language, table in self._tables:
            if text := self._in(table, source, path):
                return Shown(text, language)
        if default_texts.is_shipped(source):
            return Shown(default_texts.localized(source), self._around)
        text = translation.gettext(source) if source else ""
        return Shown(text, self._policy.language if text == source else self._active)

    @staticmethod
    def _in(table: Mapping[str | Path, str], source: str, path: Path) -> str | None:
        return table.get(path) or table.get(source)

    def fields(
        self, sources: Mapping[str, str], *path: str, names: Collection[str] = ()
    ) -> dict[str, Any]:
        """Return texts by field, with ``languages``: see `marks`.

        Those of ``names`` are of no language, unless they are translated.
        """
        found = {name: self.find(source, *path, name) for name, source in sources.items()}
        texts: dict[str, Any] = {name: shown.text for name, shown in found.items()}
        of_a_language = {
            name: shown
            for name, shown in found.items()
            if name not in names or shown.text != sources[name]
        }
        return {**texts, "languages": self.marks(of_a_language)}

    def marks(self, found: Mapping[str, Shown]) -> dict[str, str]:
        """Return the languages of the texts that are not in that of the app's own texts."""
        return {
            name: shown.language
            for name, shown in found.items()
            if shown.text and shown.language and not is_variant(shown.language, self._around)
        }


def with_lifetime(shown: Shown, days: int) -> Shown:
    """Fill in how long a choice is kept, in the words of the text's own language."""
    if LIFETIME not in shown.text:
        return shown
    with override(shown.language or get_language()):
        words = default_texts.lifetime(days)
    return shown._replace(text=shown.text.replace(LIFETIME, words))
