"""Store what was seen: look it up among the declared names, and keep what is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from django.db import IntegrityError, router, transaction
from django.utils import timezone

from consent.conf import conf as core
from consent.findings import vendors
from consent.findings.conf import conf
from consent.findings.models import PLACE_LENGTH, Finding, Sighting
from consent.findings.naming import folded
from consent.models import Cookie, Policy, Tool, revision
from consent.models.primary import primary
from consent.policy import compile_tool
from consent.policy.policy_data import ACCOUNT
from consent.recipes.hosts import covers
from consent.visitor.cookie_cleanup import django_cookies, matches

if TYPE_CHECKING:
    from consent.findings.sightings import Seen


class Declared(NamedTuple):
    """A name that a tool declares, or a CSP source of a tool."""

    kind: str
    pattern: str
    tool: str


def store(seen: Iterable[Seen]) -> None:
    """Store findings and sightings; raises DatabaseError where the database fails."""
    declared = _declared()
    day = timezone.now().date()
    for each in seen:
        found = [row for row in declared if _is_of(row, each)]
        for pattern in {row.pattern for row in found if row.kind == Finding.Kind.COOKIE}:
            _store_sighting(each.kind, pattern, day)
        if problem := _problem(each, found):
            _store_finding(each, problem, found, day)


def _declared() -> list[Declared]:
    cookies = primary(Cookie).filter(tool__enabled=True)
    rows = cookies.values_list("kind", "name", "tool__key")
    return [*(Declared(*row) for row in rows), *_declared_hosts()]


def _declared_hosts() -> Iterator[Declared]:
    tools = primary(Tool).filter(enabled=True, category__policy__in=Policy.objects.followed())
    for tool in tools.select_related("category"):
        sources = compile_tool(tool, tool.category).sources.values()
        for source in {source for each in sources for source in each}:
            yield Declared(Finding.Kind.HOST, source, tool.key)


def settle() -> None:
    """Close the open findings that a tool declares by now."""
    declared = _declared()
    undeclared = Finding.objects.open().filter(problem=Finding.Problem.UNDECLARED)
    done = [row.pk for row in undeclared if any(_names(each, row) for each in declared)]
    Finding.objects.filter(pk__in=done).update(state=Finding.State.DECLARED)


def _names(row: Declared, finding: Finding) -> bool:
    if row.kind == Finding.Kind.HOST == finding.kind:
        return covers(row.pattern, finding.name)
    return (row.kind, row.pattern) == (finding.kind, finding.name)


def own_names() -> tuple[str, ...]:
    """Return the names of the site's own cookies: of Django, of the app, of the settings."""
    # A policy for some hosts adds its key to the name, and login sync what says so.
    ours = (core.COOKIE_NAME, core.SUBJECT_COOKIE_NAME)
    return (
        *(name + end for name in ours for end in ("", "_*", ACCOUNT)),
        *django_cookies(),
        "messages",
        *conf.OWN_COOKIES,
    )


def _is_of(row: Declared, seen: Seen) -> bool:
    if row.kind == Finding.Kind.HOST == seen.kind:
        return covers(row.pattern, seen.name)
    return row.kind == seen.kind and matches(seen.name, (row.pattern,))


def _problem(seen: Seen, found: list[Declared]) -> str:
    """Return what is wrong with it, or "" where nothing is."""
    if seen.kind != Finding.Kind.HOST and matches(seen.name, own_names()):
        return ""
    if not found:
        return Finding.Problem.UNDECLARED
    return "" if any(row.tool in seen.allowed for row in found) else seen.problem


def _store_finding(seen: Seen, problem: str, found: list[Declared], day: date) -> None:
    is_host = seen.kind == Finding.Kind.HOST
    name = found[0].pattern if found and not is_host else _name(seen)
    row = Finding.objects.filter(kind=seen.kind, name=name, problem=problem).first()
    if row is not None:
        _see_again(row, seen, day)
    elif _is_room_for(seen.source):
        _create(seen, name, problem, day)


def _see_again(row: Finding, seen: Seen, day: date) -> None:
    row.last_seen = day
    if seen.source == Finding.Source.SET and not row.is_verified:
        row.source, row.place = seen.source, seen.place[:PLACE_LENGTH]
    if row.state == Finding.State.DECLARED:
        # No tool declares it any more.
        row.state = Finding.State.OPEN
    row.severity = Finding.severity_of(row.problem, row.source)
    row.save(update_fields=["last_seen", "source", "place", "severity", "state"])


def _create(seen: Seen, name: str, problem: str, day: date) -> None:
    # Another process may store the same at this moment.
    try:
        with transaction.atomic(using=router.db_for_write(Finding)):
            Finding.objects.create(
                kind=seen.kind,
                name=name,
                problem=problem,
                source=seen.source,
                severity=Finding.severity_of(problem, seen.source),
                place=seen.place[:PLACE_LENGTH],
                directive=seen.directive,
                first_seen=day,
                last_seen=day,
            )
    except IntegrityError:
        return


def _is_room_for(source: str) -> bool:
    """Say whether one more is kept: what anybody can forge leaves the others their room."""
    verified = Finding.objects.filter(source=Finding.Source.SET)
    if source != Finding.Source.SET:
        verified = Finding.objects.exclude(source=Finding.Source.SET)
    return verified.count() < conf.MOST


def _name(seen: Seen) -> str:
    """Return what it is called: by the vendor's own pattern where a recipe has one."""
    if seen.kind == Finding.Kind.HOST:
        return seen.name
    return next(_patterns(seen), "") or folded(seen.name)


def _patterns(seen: Seen) -> Iterator[str]:
    for known in vendors.cookies():
        if known.kind == seen.kind and matches(seen.name, (known.pattern,)):
            yield known.pattern


def _store_sighting(kind: str, name: str, day: date) -> None:
    Sighting.objects.update_or_create(
        kind=kind, name=name, defaults={"last_seen": day}, create_defaults=_new_sighting(day)
    )


def _new_sighting(day: date) -> dict[str, date]:
    return {"since": day, "last_seen": day}


def never_seen(day: date) -> Iterator[Tool]:
    """Yield the enabled tools of which no cookie that reaches the server was seen since ``day``.

    Nothing where the site was not watched for so long, and no tool that is newer.
    """
    if not Sighting.objects.filter(since__lte=day).exists():
        return
    lately = set(Sighting.objects.filter(last_seen__gte=day).values_list("kind", "name"))
    number = revision.number_at(day)
    older = Tool.objects.filter(enabled=True, since__lte=number, hidden_until__lte=number)
    for tool in older.prefetch_related("cookies"):
        visible = [
            cookie
            for cookie in tool.cookies.all()
            if cookie.kind == Cookie.Kind.COOKIE and cookie.party == Cookie.Party.FIRST
        ]
        if visible and not any((cookie.kind, cookie.name) in lately for cookie in visible):
            yield tool
