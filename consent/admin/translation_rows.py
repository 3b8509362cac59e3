"""The owner's texts in one language: what is translated, missing or outdated, and how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from django.conf import settings
from django.db import models
from django.utils import translation
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from consent.models import Category, Cookie, Policy, Tool, default_texts
from consent.models.primary import primary
from consent.models.texts_language import texts_language
from consent.policy.texts import fallbacks, is_variant
from consent.policy.translations import Table, compile_translations, path_of, texts_of

Owner: TypeAlias = Policy | Category | Tool | Cookie

MISSING, OUTDATED, TRANSLATED, INHERITED, CATALOGUE, NAME = (
    "missing",
    "outdated",
    "translated",
    "inherited",
    "catalogue",
    "name",
)
OPEN = (MISSING, OUTDATED)
WORDS: Mapping[str, str | Promise] = {
    MISSING: _("Missing"),
    OUTDATED: _("Outdated: not shown"),
    TRANSLATED: _("Translated"),
    INHERITED: _("From a related language"),
    CATALOGUE: _("From a catalogue"),
    NAME: _("A name: may stay as it is"),
}


@dataclass(frozen=True)
class Row:
    """One text in one language.

    ``value``: the translation that is stored, or that of an equal text, or "". ``instead``: what
    visitors read where there is none. ``former``: the source of an outdated translation.
    """

    owner: Owner
    name: str
    language: str
    state: str
    value: str
    instead: str = ""
    former: str = ""

    @property
    def source(self) -> str:
        """The owner's text."""
        text: str = getattr(self.owner, self.name)
        return text

    @property
    def is_name(self) -> bool:
        """Whether most translations leave it as it is."""
        return self.name in self.owner.NAMES

    @property
    def words(self) -> str | Promise:
        """The state in words."""
        return WORDS[self.state]

    @property
    def max_length(self) -> int | None:
        """How long the source may be, and so the translation."""
        return getattr(self.owner._meta.get_field(self.name), "max_length", None)

    @property
    def part_of(self) -> Policy | Category | Tool:
        """What has the text; of a cookie, its tool."""
        return self.owner.tool if isinstance(self.owner, Cookie) else self.owner

    @property
    def label(self) -> str:
        """The name of the field; of a cookie, with that of the cookie."""
        name = str(getattr(self.owner._meta.get_field(self.name), "verbose_name", self.name))
        return f"{self.owner.name}: {name}" if isinstance(self.owner, Cookie) else name

    @property
    def heading(self) -> str:
        """The label as a heading; the name of a cookie stays as it is."""
        return self.label if isinstance(self.owner, Cookie) else capfirst(self.label)


def languages_for(policy: Policy) -> list[str]:
    """Return the languages of the website into which ``policy`` can be translated."""
    return [code for code, _name in settings.LANGUAGES if code != policy.language]


class PolicyTexts:
    """All texts of a policy, also those of disabled tools, with their translations."""

    def __init__(self, policy: Policy) -> None:
        cookies = models.Prefetch("cookies", queryset=primary(Cookie).all())
        tools = models.Prefetch("tools", queryset=primary(Tool).prefetch_related(cookies))
        categories = primary(Category).prefetch_related(tools)
        models.prefetch_related_objects(
            [policy], models.Prefetch("categories", queryset=categories)
        )
        self.policy = policy
        self._texts = list(texts_of(policy))

    @cached_property
    def _tables(self) -> Mapping[str, Table]:
        return compile_translations(self.policy)

    @property
    def begun(self) -> list[str]:
        """The languages in which there is a translation."""
        stored = {code for owner, _name in self._texts for code in owner.languages}
        return [code for code in languages_for(self.policy) if code in stored]

    def rows(self, language: str) -> list[Row]:
        """Return all texts in ``language``."""
        with override(language):
            return [self._row(owner, name, language) for owner, name in self._texts]

    def _row(self, owner: Owner, name: str, language: str) -> Row:
        source, stored = getattr(owner, name), owner.translation(language, name)
        if stored and owner.is_current(stored, name):
            return Row(owner, name, language, TRANSLATED, stored.text)
        if equal := self._tables.get(language, {}).get(source):
            return Row(owner, name, language, TRANSLATED, equal)
        if stored:
            return Row(owner, name, language, OUTDATED, stored.text, former=stored.source)
        for related in fallbacks(language)[1:]:
            table = self._tables.get(related, {})
            if text := table.get(path_of(owner, name)) or table.get(source):
                return Row(owner, name, language, INHERITED, "", instead=text)
        if text := _in_catalogue(source, language):
            return Row(owner, name, language, CATALOGUE, "", instead=text)
        return Row(owner, name, language, NAME if name in owner.NAMES else MISSING, "")


def _in_catalogue(source: str, language: str) -> str:
    """Return what a catalogue has for ``source`` in the active ``language``, or ""."""
    if default_texts.is_shipped(source):
        has_texts = is_variant(texts_language(), language)
        return default_texts.localized(source) if has_texts else ""
    text = translation.gettext(source)
    return "" if text == source else text


@dataclass(frozen=True)
class Count:
    """How far the translation into one language is. ``total``: without names."""

    language: str
    total: int
    missing: int
    outdated: int

    @property
    def done(self) -> int:
        """How many texts visitors read in the language."""
        return self.total - self.missing - self.outdated

    @property
    def words(self) -> str:
        """The figures in words."""
        words = {"done": self.done, "total": self.total}
        text = gettext("%(done)d of %(total)d") % words
        more = [
            (self.missing, gettext("missing: %d")),
            (self.outdated, gettext("outdated: %d")),
        ]
        return ", ".join([text, *(form % number for number, form in more if number)])


def count(language: str, rows: Iterable[Row]) -> Count:
    """Return how many of ``rows`` are translated; of names, only those count that are outdated."""
    states = Counter(row.state for row in rows if not row.is_name or row.state == OUTDATED)
    return Count(language, states.total(), states[MISSING], states[OUTDATED])


def counts(texts: PolicyTexts, languages: Iterable[str]) -> Iterator[Count]:
    """Yield the count of each of ``languages``."""
    return (count(language, texts.rows(language)) for language in languages)
