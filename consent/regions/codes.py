"""Regions by their ISO 3166 codes: countries, their parts, and groups of both that laws speak of.

A region is written as a country (``DE``, ISO 3166-1 alpha-2) or a country and its part (``US-CA``,
ISO 3166-2). A country covers all of its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_PART = re.compile(r"[A-Z0-9]{1,3}")
_SEPARATORS = re.compile(r"[\s,;]+")

# ISO 3166-1 alpha-2, and XK, by which everybody who locates addresses calls Kosovo. An
# unknown code would make a rule without effect, or a place that no rule covers: UK and EL are not
# ISO codes; EU and AP are what some services answer if they do not know the country.
_COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
    "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
    "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS XK YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(_COUNTRIES.split())

MEANT: Mapping[str, str] = MappingProxyType({"UK": "GB", "EL": "GR", "EU": "EEA"})
"""What people write, to what they mean by it."""

EEA = (
    # The European Union's 27, https://european-union.europa.eu/principles-countries-history_en,
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE "
    # and Iceland, Liechtenstein and Norway, https://www.efta.int/eea. Regions of France, Finland
    # and Portugal that have country codes of their own and where the GDPR applies, too (TFEU,
    # Article 355): Åland, French Guiana, Guadeloupe, Martinique, Mayotte, Réunion, Saint Martin.
    "IS LI NO AX GF GP MQ YT RE MF"
)
US_OPT_OUT = (
    # States whose comprehensive privacy law gives a right to opt out of the sale of personal data
    # and of targeted advertising, in force in November 2026: see docs/regions.md.
    "US-CA US-CO US-CT US-DE US-FL US-IA US-IN US-KY US-MD US-MN US-MT US-NE US-NH US-NJ US-OR "
    "US-RI US-TN US-TX US-UT US-VA"
)

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"EEA": tuple(EEA.split()), "US-OPT-OUT": tuple(US_OPT_OUT.split())}
)
"""Name of a group to the regions in it."""


def named(text: str) -> list[str]:
    """Return the codes and the names of groups that ``text`` holds, in capital letters."""
    return [name for name in _SEPARATORS.split(text.upper()) if name]


def unknown(text: str) -> Iterator[str]:
    """Return what in ``text`` names neither a region nor a group."""
    return (name for name in named(text) if name not in GROUPS and not is_region(name))


def expand(text: str) -> frozenset[str]:
    """Return the regions that ``text`` names, those of its groups one by one."""
    return frozenset(
        code for name in named(text) for code in GROUPS.get(name, (name,)) if is_region(code)
    )


def is_region(text: str) -> bool:
    """Say whether ``text`` is a country's code, or is written as that of a part of a country."""
    country, dash, part = text.partition("-")
    return country in COUNTRIES and (not dash or _PART.fullmatch(part) is not None)


def covers(regions: frozenset[str], region: str) -> bool:
    """Say whether ``region`` lies in one of ``regions`` for certain."""
    return region in regions or region.partition("-")[0] in regions


def may_cover(regions: frozenset[str], region: str) -> bool:
    """Say whether ``region``, of which perhaps not all is known, may lie in one of ``regions``.

    Of an unknown region ("") that is always so; of a country, where a part of it is among them.
    """
    is_whole = "-" in region
    return covers(regions, region) or (
        not is_whole and any(each.startswith(f"{region}-" if region else "") for each in regions)
    )
