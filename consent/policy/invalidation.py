"""Signal receivers that recompile the policy after an edit in this process was committed."""

from __future__ import annotations

from django.db import models
from django.db.models.signals import post_delete, post_save, pre_delete
from django.utils import timezone

from consent.models import Category, Cookie, Policy, RegionRule, Tool
from consent.policy.process_cache import policies


def forget_on_commit(using: str, **kwargs: object) -> None:
    """Have the policy compiled anew, once the edit is committed and never before."""
    policies.forget_on_commit(using)


def note_deletion(instance: Category | Tool | Cookie | RegionRule, **kwargs: object) -> None:
    """Move ``changed_at``: bulk deletions and cascades call no ``delete()`` of the model.

    Before the deletion, as `save` does it: who locks the policy's row first cannot deadlock.
    """
    policies_of = Policy.objects.all()
    if isinstance(instance, Cookie):
        owner = policies_of.filter(pk__in=Tool.objects.filter(pk=instance.tool_id).values("policy"))
    else:
        owner = policies_of.filter(pk=instance.policy_id)
    owner.update(changed_at=timezone.now())


def connect() -> None:
    """Connect the receivers; called once, when the app is ready."""
    for model in (Policy, Category, Tool, Cookie, RegionRule):
        uid = f"consent.forget.{model.__name__}"
        post_save.connect(forget_on_commit, sender=model, dispatch_uid=uid)
        post_delete.connect(forget_on_commit, sender=model, dispatch_uid=uid)
    deletable: tuple[type[models.Model], ...] = (Category, Tool, Cookie, RegionRule)
    for sender in deletable:
        uid = f"consent.deletion.{sender.__name__}"
        pre_delete.connect(note_deletion, sender=sender, dispatch_uid=uid)
