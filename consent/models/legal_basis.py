"""Legal bases: the table of what may run, and what a visitor is asked, before they have chosen.

A policy's and a region rule's field `regime` holds the key of one; records and counters keep the
key, too. Server, script, admin and API take what a basis means from here and from nowhere else: a
new one is an entry of `LEGAL_BASES`, and the texts of its notice in `default_texts`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from consent.models import default_texts

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """What holds while a visitor has not chosen.

    ``label``: a sentence for whoever edits a policy; ``short_label``: a word for tables.
    ``runs_first``: whether optional tools run before the visitor has chosen. ``asks``: whether the
    notice offers to accept; otherwise it informs, and offers to refuse. ``notice``: the notice's
    text as shipped. ``addition``: the sentence that follows a notice of an editor's own, where it
    depends on the region what holds.
    """

    label: str | _StrPromise
    short_label: str | _StrPromise
    runs_first: bool
    asks: bool
    notice: str
    addition: str


OPT_IN = "opt_in"

LEGAL_BASES: dict[str, LegalBasis] = {
    OPT_IN: LegalBasis(
        label=_("Nothing optional runs until the visitor agrees"),
        short_label=_("Opt-in"),
        runs_first=False,
        asks=True,
        notice=default_texts.NOTICE,
        addition=default_texts.ASKS_FIRST_HERE,
    ),
    "implied": LegalBasis(
        label=_("Optional tools run until the visitor refuses"),
        short_label=_("Implied"),
        runs_first=True,
        asks=True,
        notice=default_texts.IMPLIED_NOTICE,
        addition=default_texts.RUNS_FIRST_HERE,
    ),
    "notice_only": LegalBasis(
        label=_("Optional tools run; visitors are informed, but not asked"),
        short_label=_("Notice only"),
        runs_first=True,
        asks=False,
        notice=default_texts.IMPLIED_NOTICE,
        addition=default_texts.RUNS_FIRST_HERE,
    ),
}
"""Key to legal basis, the strictest first. The key is what is stored, and what the API returns."""


def choices() -> list[tuple[str, str | _StrPromise]]:
    """Return the choices of a model field that holds a key."""
    return [(key, basis.label) for key, basis in LEGAL_BASES.items()]


def known(key: str) -> str:
    """Return ``key``, or the strictest basis's key where the table does not have ``key``."""
    return key if key in LEGAL_BASES else OPT_IN


def basis_of(key: str) -> LegalBasis:
    """Return the legal basis with this key; the strictest for an unknown key."""
    return LEGAL_BASES[known(key)]


def by_strictness(keys: Collection[str]) -> tuple[str, ...]:
    """Return those of the table's keys that are in ``keys``, the strictest first."""
    return tuple(key for key in LEGAL_BASES if key in keys)


def short_label(key: str) -> str:
    """Return the word for the basis in tables; an unknown key (of an old record) as it is."""
    return str(LEGAL_BASES[key].short_label) if key in LEGAL_BASES else key
