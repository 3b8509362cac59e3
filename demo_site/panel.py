"""The panel's content: which tools run on a page, and why, according to ``request.consent``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest

from consent.conf import conf
from consent.models.legal_basis import basis_of
from consent.policy import CompiledCategory, CompiledTool
from consent.policy.decision import Decision
from consent.regions import locating
from consent.visitor import Consent
from demo_site.events import EventLine, events_of
from demo_site.region import REGIONS

OPTED_OUT = "your browser asks not to sell or share your data"


class VisitorRequest(HttpRequest):
    """A request with the attribute that the consent middleware adds."""

    consent: Consent


@dataclass(frozen=True)
class ToolLine:
    """A tool. ``state`` is the text of its badge, and ``runs`` tells whether it is on this page."""

    name: str
    state: str
    why: str
    runs: bool


@dataclass(frozen=True)
class CategoryLine:
    """A category with its tools. ``allowed`` tells whether any of them may run."""

    name: str
    why: str
    allowed: bool
    tools: list[ToolLine]


@dataclass(frozen=True)
class CookiePart:
    """A part of the preference cookie and its meaning."""

    text: str
    meaning: str


@dataclass(frozen=True)
class Law:
    """What holds where the visitor is. ``region``: its code, "" where it is not known.

    ``regions``: those to choose from, code to name; ``regime``: what holds there before a choice,
    as a key and in words; ``signal``: what became of Global Privacy Control, in words, and
    ``is_sent`` says whether the browser sends it.
    """

    region: str
    regions: Mapping[str, str]
    has_rules: bool
    regime: str
    meaning: str
    is_sent: bool
    signal: str


@dataclass(frozen=True)
class Panel:
    """The content of the panel. ``parts`` is empty if the cookie contains no valid decision."""

    revision: int
    law: Law
    categories: list[CategoryLine]
    cookie_name: str
    cookie_text: str
    parts: list[CookiePart]
    events: list[EventLine]

    @property
    def total(self) -> int:
        """The number of the policy's tools."""
        return sum(len(category.tools) for category in self.categories)

    @property
    def waits(self) -> bool:
        """Whether one of the events has not arrived yet."""
        return any(event.waits for event in self.events)

    @property
    def running(self) -> int:
        """The number of tools that run on this page."""
        return sum(tool.runs for category in self.categories for tool in category.tools)


def describe(request: VisitorRequest, placed: Collection[str] = ()) -> Panel:
    """Return the panel for a visitor.

    ``placed`` contains the keys of the tools that the page itself requests, with
    ``{% consent_tool %}`` or ``{% consent_embed %}``.
    """
    consent = request.consent
    return Panel(
        revision=consent.policy.revision,
        law=_law(consent, locating.region_of(request)),
        categories=[_category(consent, category, placed) for category in consent.policy.categories],
        cookie_name=conf.COOKIE_NAME,
        cookie_text=request.COOKIES.get(conf.COOKIE_NAME, ""),
        parts=[] if consent.decision is None else _parts(consent, consent.decision),
        # Before a decision no event is known to be of this visitor, and the page needs no query.
        events=[] if consent.decision is None else events_of(consent.snapshot.subject),
    )


def _law(consent: Consent, region: str) -> Law:
    return Law(
        region=region,
        regions=REGIONS,
        has_rules=consent.policy.has_rules,
        regime=consent.regime,
        meaning=str(basis_of(consent.regime).label),
        # If no category is sold or shared, the signal has no effect.
        is_sent=bool(consent.policy.sales) and consent.opts_out,
        signal=_signal(consent),
    )


def _signal(consent: Consent) -> str:
    """Explain the effect of Global Privacy Control."""
    sold = [each.name for each in consent.policy.categories if each.key in consent.policy.sales]
    names = " and ".join(sold)
    if not sold:
        return "It has no effect: no category of this policy is sold or shared."
    if not consent.opts_out:
        return "Your browser does not send it."
    if consent.is_opted_out:
        return f"Your browser sends it, and it is honoured: {names} is off unless you allow it."
    return f"Your browser sends it, but you allowed {names} later, and the later choice applies."


def _category(
    consent: Consent, category: CompiledCategory, placed: Collection[str]
) -> CategoryLine:
    return CategoryLine(
        name=category.name,
        why=_category_why(consent, category),
        allowed=consent.allows(category.key),
        tools=[_tool(consent, category, tool, placed) for tool in category.tools],
    )


def _tool(
    consent: Consent, category: CompiledCategory, tool: CompiledTool, placed: Collection[str]
) -> ToolLine:
    why = _tool_why(consent, category, tool)
    if not consent.allows(tool.key):
        return ToolLine(tool.name, "off", why, runs=False)
    if tool.server:
        return ToolLine(tool.name, "allowed", f"{why}; sent from our server", runs=False)
    if tool.placement == "manual" and tool.key not in placed:
        where = "with a form" if tool.embed is None else "that show it"
        return ToolLine(tool.name, "not here", f"{why}; only on pages {where}", runs=False)
    return ToolLine(tool.name, "running", why, runs=True)


def _category_why(consent: Consent, category: CompiledCategory) -> str:
    """Explain why ``category`` as a whole is on or off."""
    if category.essential:
        return "essential: the site does not work without it"
    if _is_opted_out(consent, category):
        return OPTED_OUT
    if consent.decision is None:
        return _undecided(allowed=consent.allows(category.key))
    choice = consent.decision.choice(category.key)
    if choice is None:
        return _never_asked(consent.decision, since=category.thresholds[0])
    verb = "granted" if choice else "refused"
    if choice and not consent.allows(category.key):
        return _news(consent.decision, since=category.thresholds[0])
    return f"you {verb} {category.name} on {_day(consent.decision.decided_on)}"


def _tool_why(consent: Consent, category: CompiledCategory, tool: CompiledTool) -> str:
    """Explain briefly why ``tool`` is on or off; its category has the full explanation."""
    if category.essential:
        return "essential"
    if _is_opted_out(consent, category):
        return OPTED_OUT
    if consent.decision is None:
        return _undecided(allowed=consent.allows(tool.key))
    choice = consent.decision.choice(category.key)
    if choice is None:
        return _never_asked(consent.decision, since=tool.since)
    if not choice:
        return "you refused"
    if consent.allows(tool.key):
        return f"allowed: you granted {category.name} on {_day(consent.decision.decided_on)}"
    return _news(consent.decision, since=tool.since)


def _is_opted_out(consent: Consent, category: CompiledCategory) -> bool:
    """Return whether Global Privacy Control keeps ``category`` off, without a later choice."""
    overrides = consent.decision is not None and consent.decision.opt_out
    return (
        category.key in consent.policy.sales
        and consent.opts_out
        and not overrides
        and not consent.allows(category.key)
    )


def _undecided(*, allowed: bool) -> str:
    if allowed:
        return "you have not decided, and this policy lets it run until you refuse"
    return "you have not decided"


def _never_asked(decision: Decision, *, since: int) -> str:
    return _news(decision, since=since) if since > decision.revision else "you have not decided"


def _news(decision: Decision, *, since: int) -> str:
    return (
        f"new since your decision: added in revision {since}, "
        f"you decided on {_day(decision.decided_on)}"
    )


def _parts(consent: Consent, decision: Decision) -> list[CookiePart]:
    """Explain the text of ``decision`` part by part."""
    version, revision, day, *choices = decision.text.split(".")
    names = {category.key: category.name for category in consent.policy.categories}
    return [
        CookiePart(version, _format_meaning(decision)),
        CookiePart(revision, "the policy's revision when you decided"),
        CookiePart(day, f"days since 1 January 1970: {_day(decision.decided_on)}"),
        *(_choice_part(choice, names) for choice in choices),
    ]


def _format_meaning(decision: Decision) -> str:
    overrides = "; g: chosen while the browser sent Global Privacy Control"
    return f"version of this format{overrides if decision.opt_out else ''}"


def _choice_part(text: str, names: Mapping[str, str]) -> CookiePart:
    key, _, granted = text.partition("_")
    name = names.get(key, f"a category that was deleted ({key})")
    return CookiePart(
        text, f"{name}: refused" if granted == "0" else f"{name}: granted at revision {granted}"
    )


def _day(day: date) -> str:
    # In English for every visitor, like the rest of the panel.
    return f"{day.day} {day:%b %Y}"
