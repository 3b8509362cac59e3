"""The texts that a new policy starts with.

They are stored as English in the database and translated when shown: a text that still is one of
these appears in `texts_language`, and a site translates its own in its own catalogue.
"""

from __future__ import annotations

from typing import NamedTuple

from django.utils import translation
from django.utils.translation import gettext_noop

from consent.models.texts_language import gettext, npgettext

POLICY_NAME = gettext_noop("Website Data Collection Policy")

INTRODUCTION = gettext_noop(
    "This page says which data is collected when you visit this website, by which tools, and what "
    "for. Some of it keeps the site working; the rest is up to you.\n\n"
    "You can change your mind whenever you like: choose “Website Data Collection Preferences” at "
    "the bottom of any page. Your choice is kept for {lifetime}."
)

EXPLANATION = gettext_noop(
    "The tools below use cookies and JavaScript. A cookie is a short text that a website keeps in "
    "your browser, so that it can recognise your browser or remember a setting on a later visit. "
    "JavaScript is code that your browser runs on a page; a tool uses it to notice what happens "
    "there, for instance which page is open or which button was pressed, and to send that to the "
    "company that provides the tool.\n\n"
    "The table lists every tool that this website uses, sorted by what its data is collected for."
)

NOTICE = gettext_noop(
    "Some tools on this site, from other companies, use cookies to collect data about your visit, "
    "for support, statistics and advertising. None of them starts unless you agree. We keep your "
    "choice for {lifetime}; change it at any time under “Website Data Collection Preferences”."
)

IMPLIED_NOTICE = gettext_noop(
    "Some tools on this site, from other companies, use cookies to collect data about your visit, "
    "for support, statistics and advertising. They run unless you reject them. We keep your choice "
    "for {lifetime}; change it at any time under “Website Data Collection Preferences”."
)


# After a notice that an editor wrote, where what it says of a start may be true elsewhere only.
ASKS_FIRST_HERE = gettext_noop("Where you are, optional tools start only if you agree.")
RUNS_FIRST_HERE = gettext_noop("Where you are, optional tools run unless you reject them.")


def policy_name() -> str:
    """Return the title of a new policy. Migrations name this function, and not the text."""
    return POLICY_NAME


def introduction() -> str:
    """Return the introduction of a new policy."""
    return INTRODUCTION


def explanation() -> str:
    """Return what a new policy says of how data is collected."""
    return EXPLANATION


def notice() -> str:
    """Return the notice of a new policy."""
    return NOTICE


class CategoryText(NamedTuple):
    """A category of the default policy."""

    key: str
    name: str
    purpose: str
    essential: bool = False
    sale: bool = False
    consent_types: str = ""


CATEGORIES = (
    CategoryText(
        "functional",
        gettext_noop("Functional"),
        gettext_noop(
            "To see whether the site works well and to make your visit more pleasant, for example "
            "so that you can talk to us in a live chat."
        ),
        consent_types="functionality_storage personalization_storage",
    ),
    CategoryText(
        "marketing-analytics",
        gettext_noop("Marketing & Analytics"),
        gettext_noop(
            "To learn how visitors use the site, and to fit its content to what interests you. "
            "For example, we look at which pages you open to decide what to show you next."
        ),
        consent_types="analytics_storage",
    ),
    CategoryText(
        "advertising",
        gettext_noop("Advertising"),
        gettext_noop(
            "To choose the advertisements that you see here and on other websites, and to find "
            "out whether they work. For example, a page you open here may decide which "
            "advertisement you see elsewhere."
        ),
        sale=True,
        consent_types="ad_storage ad_user_data ad_personalization",
    ),
    CategoryText(
        "essential",
        gettext_noop("Essential"),
        gettext_noop(
            "To make the site work as it should and to keep it safe. For example, we store your "
            "data-collection preferences so that we can follow them when you return. You can "
            "block these cookies in your browser, but parts of the site may then stop working."
        ),
        essential=True,
        consent_types="security_storage",
    ),
)


_SHIPPED = frozenset(
    (
        POLICY_NAME,
        INTRODUCTION,
        EXPLANATION,
        NOTICE,
        IMPLIED_NOTICE,
        ASKS_FIRST_HERE,
        RUNS_FIRST_HERE,
        *(text for category in CATEGORIES for text in (category.name, category.purpose)),
    )
)


def is_shipped(text: str) -> bool:
    """Return whether a stored ``text`` is one of those that a new policy starts with."""
    return text in _SHIPPED


def localized(text: str, **values: str) -> str:
    """Return a stored ``text`` in the active language, with ``{name}`` filled from ``values``.

    One of the texts above comes in `texts_language`. An unknown ``{name}`` stays as it is: a text
    is never lost to a stray brace.
    """
    result = gettext(text) if is_shipped(text) else translation.gettext(text)
    for name, value in values.items():
        result = result.replace(f"{{{name}}}", value)
    return result


def lifetime(days: int) -> str:
    """Return ``days`` (at least 1) as words in `texts_language`, such as ``6 months``."""
    if days % 365 == 0:
        number = days // 365
        text = npgettext("how long a choice is kept", "%(number)d year", "%(number)d years", number)
    elif days < 60:
        number = days
        text = npgettext("how long a choice is kept", "%(number)d day", "%(number)d days", number)
    else:
        number = round(days * 12 / 365)
        text = npgettext(
            "how long a choice is kept", "%(number)d month", "%(number)d months", number
        )
    # Some languages have a word for two years, and write no number then.
    return text % {"number": number}
