"""Regions: their ISO 3166 codes, groups that laws speak of, and where a visitor is."""

from consent.regions.codes import (
    COUNTRIES,
    EEA,
    GROUPS,
    MEANT,
    US_OPT_OUT,
    covers,
    expand,
    is_region,
    may_cover,
    named,
    unknown,
)

__all__ = [
    "COUNTRIES",
    "EEA",
    "GROUPS",
    "MEANT",
    "US_OPT_OUT",
    "covers",
    "expand",
    "is_region",
    "may_cover",
    "named",
    "unknown",
]
