"""From answers about the groups of another app to a decision about the policy's categories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

from consent.conf import CarryOver
from consent.policy import CompiledPolicy
from consent.policy.decision import Decision, today

_UNIX_EPOCH = date(1970, 1, 1)


def decision_from(
    policy: CompiledPolicy, carry_over: CarryOver, answers: Mapping[str, bool]
) -> Decision | None:
    """Return what ``answers`` decide here; None where that is nothing.

    Nothing is granted that the group did not contain at the migration, and no grant lasts longer
    than one that was made on that day.
    """
    choices = dict(_choices(policy, carry_over, answers))
    day = min((date.fromisoformat(carry_over["on"]) - _UNIX_EPOCH).days, today())
    decision = Decision(policy.revision, day, MappingProxyType(choices))
    if not decision.allowed or not _is_in_force(policy, decision):
        refused = dict.fromkeys(sorted(decision.refused), 0)
        decision = Decision(policy.revision, today(), MappingProxyType(refused))
    return decision if decision.choices else None


def _is_in_force(policy: CompiledPolicy, decision: Decision) -> bool:
    return decision.stands(lifetime_days=policy.lifetime_days, today=today())


def _choices(
    policy: CompiledPolicy, carry_over: CarryOver, answers: Mapping[str, bool]
) -> Iterator[tuple[str, int]]:
    """Yield each category with the revision at which it is granted, 0 where it is refused."""
    said: dict[str, list[int | None]] = defaultdict(list)
    for group, (key, _, revision) in carry_over["groups"].items():
        answer = answers.get(group)
        said[key].append(revision if answer else None if answer is None else 0)
    for category in policy.optional:
        found = said.get(category.key, [])
        # Several groups may have become one category.
        known = [revision for revision in found if revision is not None]
        if 0 in known:
            yield category.key, 0
        elif known and len(known) == len(found):
            revision = min(known)
            if revision in policy.issued and category.level(revision):
                yield category.key, revision
