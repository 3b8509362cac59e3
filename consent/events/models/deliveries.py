"""Delivery: one event that this website's server sends to one tool.

Its row is stored in the transaction of whoever tracks the event: both are stored, or neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.db import connections, models, router, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.events.conf import conf
from consent.events.models.states import Reason, State, wait_after
from consent.models import Tool, fields, legal_basis
from consent.recipes.keys import KEY_LENGTH, MAX_COOKIE_LENGTH

NAME_LENGTH = 100

ID_PREFIX = "evt_"
"""Begins the id by which a receiver knows an event."""


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Queries for deliveries."""

    def waiting(self) -> Self:
        """Return those that are still to be sent."""
        return self.filter(due_at__isnull=False)

    def due(self, now: datetime) -> Self:
        """Return those that are due at ``now``, the oldest first."""
        return self.filter(due_at__lte=now).order_by("due_at", "pk")

    def tools(self) -> list[int | None]:
        """Return the primary keys of the tools that these are for; None for deleted tools."""
        using = router.db_for_write(Delivery)
        mine = self.using(using).order_by()
        tools = Tool.objects.using(using).order_by()
        tools = tools.filter(Exists(mine.filter(tool=OuterRef("pk"))))
        deleted = mine.filter(tool=None).values_list("tool")
        return [pk for (pk,) in tools.values_list("pk").union(deleted).order_by()]

    def claim(self, limit: int, seconds: float) -> list[Delivery]:
        """Claim up to ``limit`` of these that are due, for so many ``seconds``, and return them.

        No other process claims them meanwhile. If this one dies, they are due again afterwards,
        and no attempt is counted: `fail`, `give_up` and `arrived` count. To be called outside of a
        transaction.
        """
        now, token = timezone.now(), uuid4()
        # Not from a replica, which may show what somebody else has had already.
        using = router.db_for_write(Delivery)
        with transaction.atomic(using=using):
            due = self.using(using).due(now)
            if connections[using].features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            keys = list(due.values_list("pk", flat=True)[:limit])
            found = Delivery.objects.using(using).filter(pk__in=keys)
            # Where rows cannot be locked, only the first of two finds that they are due still.
            lease = now + timedelta(seconds=seconds)
            found.filter(due_at__lte=now).update(due_at=lease, claim=token)
            claimed = found.filter(claim=token).order_by("pk")
            tools = Tool.objects.using(using).select_related("category__policy")
            # Not joined: of many deliveries, few differ in their tool.
            return list(claimed.prefetch_related(models.Prefetch("tool", tools)))

    def of_claim(self, deliveries: Iterable[Delivery]) -> Self:
        """Return those of ``deliveries``, claimed together, that nobody else has claimed since."""
        claims = {each.claim for each in deliveries}
        return self.filter(pk__in=[each.pk for each in deliveries], claim__in=claims)

    def arrived(self, deliveries: Collection[Delivery]) -> None:
        """Note that these, which have one ``status`` each, have arrived. Their content goes."""
        for status in {each.status for each in deliveries}:
            these = [each for each in deliveries if each.status == status]
            ended = {"state": Delivery.State.DELIVERED, "status": status, "reason": ""}
            self._end(these, **ended, attempts=F("attempts") + 1)

    def drop(self, deliveries: Collection[Delivery], reason: str) -> None:
        """Note that these are not sent, for a ``reason`` of `Delivery.Reason`; content goes."""
        self._end(deliveries, state=Delivery.State.DROPPED, reason=reason)

    def _end(self, deliveries: Collection[Delivery], **values: Any) -> None:
        self.of_claim(deliveries).update(**Delivery.ENDED, **values, ended_at=timezone.now())

    def release(self, deliveries: Collection[Delivery], due_at: datetime) -> None:
        """Give back what was claimed and not tried."""
        if deliveries:
            self.of_claim(deliveries).update(due_at=due_at, claim=None)

    def postpone(self, tool_id: int, until: datetime) -> None:
        """Have nothing of the tool be due before ``until``: its receiver asks for that."""
        self.filter(tool_id=tool_id, claim__isnull=True, due_at__lt=until).update(due_at=until)

    def send_again(self) -> int:
        """Have those that were given up tried anew, now; return how many they were."""
        return self.filter(state=Delivery.State.DEAD).update(
            state=Delivery.State.WAITING,
            due_at=timezone.now(),
            ended_at=None,
            claim=None,
            attempts=0,
        )


@fields.named(_("delivery"), _("deliveries"))
class Delivery(models.Model):
    """One event that is sent to one tool.

    ``event``: names the event, the same at each attempt and for each tool. ``body``: exactly what
    is sent; emptied once it has arrived or is dropped. ``policy``: key of the policy under which
    the visitor allowed it. ``decision``: what the preference cookie said then, "" for a visitor
    who had not decided, under ``regime``; ``gpc``: whether the browser opted out. ``subject``,
    ``user``: as in `Record`, by which a withdrawal is noticed; emptied as the body is. ``due_at``:
    the next attempt; None once it has ended. ``claim``: who is at it. ``status``: what
    the receiver last answered.
    """

    State = State
    Reason = Reason

    # What is gone once it has come to its end.
    ENDED: ClassVar[dict[str, Any]] = {
        "body": "",
        "decision": "",
        "subject": None,
        "user": "",
        "claim": None,
        "due_at": None,
    }

    event = fields.UUIDField(_("event's id"))
    tool = fields.ForeignKey(
        Tool,
        on_delete=models.SET_NULL,
        null=True,
        # The index below begins with it.
        db_index=False,
        related_name="deliveries",
        verbose_name=_("tool"),
    )
    tool_name = fields.CharField(_("tool"), max_length=80)
    name = fields.CharField(_("event"), max_length=NAME_LENGTH)
    body = fields.TextField(blank=True)
    is_test = fields.BooleanField(_("test"), default=False)
    policy = fields.CharField(_("policy"), max_length=KEY_LENGTH)
    decision = fields.CharField(_("decision"), max_length=MAX_COOKIE_LENGTH, blank=True)
    regime = fields.CharField(_("regime"), max_length=16, choices=legal_basis.choices)
    gpc = fields.BooleanField(_("Global Privacy Control"))
    subject = fields.UUIDField(_("subject"), null=True, blank=True)
    user = fields.CharField(_("user"), max_length=255, blank=True)
    state = fields.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.WAITING
    )
    reason = fields.CharField(_("reason"), max_length=16, choices=Reason.choices, blank=True)
    attempts = fields.PositiveSmallIntegerField(_("attempts"), default=0)
    status = fields.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    created_at = fields.DateTimeField(_("created at"))
    due_at = fields.DateTimeField(_("next attempt"), null=True, blank=True)
    ended_at = fields.DateTimeField(_("ended at"), null=True, blank=True)
    claim = fields.UUIDField(null=True, blank=True, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        default_permissions = ("view", "change")
        constraints = (
            models.CheckConstraint(
                condition=Q(state="waiting", due_at__isnull=False, ended_at__isnull=True)
                | Q(~Q(state="waiting"), due_at__isnull=True, ended_at__isnull=False),
                name="consent_delivery_due",
            ),
        )
        indexes = (
            models.Index(fields=("due_at", "id"), name="consent_delivery_due_at"),
            models.Index(fields=("tool", "due_at", "id"), name="consent_delivery_tool_due"),
            models.Index(fields=("ended_at",), name="consent_delivery_ended_at"),
            models.Index(fields=("event",), name="consent_delivery_event"),
            models.Index(fields=("state", "id"), name="consent_delivery_state"),
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.tool_name}"

    @property
    def message_id(self) -> str:
        """What the receiver knows the event by, at each attempt the same."""
        return f"{ID_PREFIX}{self.event.hex}"

    def fail(
        self, reason: str, status: int | None = None, *, after: float | None = None
    ) -> datetime | None:
        """Note that the attempt failed, and return when the next one is due; None where none is.

        ``reason``: of `Reason`. ``status``: what was answered, if anything was. ``after``: seconds
        that the receiver asks to wait. After CONSENT_EVENTS_ATTEMPTS it is given up.
        """
        if self.attempts + 1 >= conf.ATTEMPTS:
            self.give_up(reason, status)
            return None
        wait = wait_after(self.attempts + 1) if after is None else after
        due_at = timezone.now() + timedelta(seconds=wait)
        self._note(reason, status, due_at=due_at)
        return due_at

    def give_up(self, reason: str, status: int | None = None) -> None:
        """Note that it is not tried again, unless somebody says so in the admin."""
        self._note(reason, status, state=self.State.DEAD, due_at=None, ended_at=timezone.now())

    def _note(self, reason: str, status: int | None, **values: Any) -> None:
        mine = Delivery.objects.using(self._state.db).of_claim([self])
        self.attempts += 1
        mine.update(reason=reason, status=status, claim=None, attempts=self.attempts, **values)
