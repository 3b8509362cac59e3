"""Find regions in a rule that are valid codes, but probably not what its editor meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consent.regions.codes import EEA, expand, named

CONSENT_FIRST = expand(f"{EEA} GB CH")
"""Regions whose law requires consent before tools run.

Article 5(3) of the ePrivacy Directive, regulation 6 of the UK's PECR, and Switzerland's practice.
"""

STATE_OR_COUNTRY: Mapping[str, str | Promise] = MappingProxyType(
    {
        "AL": _("Albania"),
        "AR": _("Argentina"),
        "AZ": _("Azerbaijan"),
        "CA": _("Canada"),
        "CO": _("Colombia"),
        "DE": _("Germany"),
        "GA": _("Gabon"),
        "ID": _("Indonesia"),
        "IL": _("Israel"),
        "IN": _("India"),
        "KY": _("Cayman Islands"),
        "LA": _("Laos"),
        "MA": _("Morocco"),
        "MD": _("Moldova"),
        "ME": _("Montenegro"),
        "MN": _("Mongolia"),
        "MO": _("Macao"),
        "MS": _("Montserrat"),
        "MT": _("Malta"),
        "NC": _("New Caledonia"),
        "NE": _("Niger"),
        "PA": _("Panama"),
        "SC": _("Seychelles"),
        "SD": _("Sudan"),
        "TN": _("Tunisia"),
        "VA": _("Vatican City"),
    }
)
"""Codes that are a country in ISO 3166, and a state in the addresses of the United States."""


def consent_first(text: str) -> list[str]:
    """Return the names in ``text`` that have a region whose law requires consent first."""
    return [name for name in named(text) if expand(name) & CONSENT_FIRST]


def states_or_countries(text: str) -> Iterator[tuple[str, str]]:
    """Yield code and country of each name in ``text`` that may have been meant as a state."""
    for name in named(text):
        if country := STATE_OR_COUNTRY.get(name):
            yield name, str(country)
