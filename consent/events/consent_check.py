"""Whether a visitor's consent still covers an event that is about to be sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from django.db import router
from django.db.models import F

from consent.events.models import Delivery
from consent.models import Record
from consent.models.times import to_milliseconds
from consent.policy import policies
from consent.policy.decision import today
from consent.proof.recording import decision_of

# By how much the clocks of two of the website's servers may differ.
CLOCKS = timedelta(minutes=5)

# A record, after the key of the policy that its visitor was shown.
_Decided: TypeAlias = tuple[str, Record]


def permitted(deliveries: Collection[Delivery]) -> list[Delivery]:
    """Return those that the visitor's consent covers now as it did when they were written.

    By the policy as it was last looked at; by the decision of then, which may have run out; and by
    every decision that the same subject, or the same user, has made since: one that takes consent
    back counts, whatever came after it. In two queries at most. A test is about nobody.
    """
    visitors = [each for each in deliveries if not each.is_test]
    later = {
        "subject": _records("subject", visitors),
        "user": _records("user", visitors),
    }
    return [each for each in deliveries if each.is_test or _is_covered(each, later)]


def _records(field: str, deliveries: Collection[Delivery]) -> Mapping[Any, list[_Decided]]:
    """Return what was decided since the first of ``deliveries`` was written, by ``field``."""
    whose = {value for each in deliveries if (value := getattr(each, field))}
    found: dict[Any, list[_Decided]] = defaultdict(list)
    if whose:
        since = min(each.created_at for each in deliveries) - CLOCKS
        # Not from a replica, which may not have heard of a withdrawal yet.
        stored = Record.objects.using(router.db_for_write(Record))
        records = stored.filter(**{f"{field}__in": whose, "decided_at__gte": since})
        # Nothing more than `made` reads: this is asked again and again while events are sent.
        needed = records.only(field, "revision", "choices", "gpc", "decided_at")
        for record in needed.annotate(of_policy=F("version__policy")):
            found[getattr(record, field)].append((record.of_policy, record))
    return found


def _is_covered(delivery: Delivery, later: Mapping[str, Mapping[Any, list[_Decided]]]) -> bool:
    known = (
        later[field].get(getattr(delivery, field), [])
        for field in ("subject", "user")
        if getattr(delivery, field)
    )
    texts = [
        delivery.decision or None,
        *(t for records in known for t in _since(delivery, records)),
    ]
    return all(_allows(delivery, text) for text in texts)


def _since(delivery: Delivery, newest_first: Iterable[_Decided]) -> list[str]:
    """Return the decisions that count beside that of then: the latest, and all since then."""
    mine = [record for policy, record in newest_first if policy == delivery.policy]
    # Records keep milliseconds: what was decided in the same one may have come after the event.
    created_at = to_milliseconds(delivery.created_at)
    return [
        decision_of(record).text
        for position, record in enumerate(mine)
        if position == 0 or record.decided_at >= created_at
    ]


def _allows(delivery: Delivery, text: str | None) -> bool:
    policy = policies.called(delivery.policy)
    tool = delivery.tool
    if tool is None or tool.key not in policy.tools or policy.tools[tool.key].pk != tool.pk:
        return False
    standing = policy.standing(text, today(), delivery.regime, bool(policy.sales) and delivery.gpc)
    return standing.selection.allows(tool.key)
