"""What is stored: the policy that a site's owner edits, and the proof of what visitors decided."""

from consent.models.policies import (
    Category,
    CategoryQuerySet,
    Cookie,
    CookieQuerySet,
    Dated,
    Policy,
    PolicyQuerySet,
    RegionRule,
    Tool,
    ToolQuerySet,
)
from consent.models.proof import (
    AppendOnlyError,
    Counter,
    CounterQuerySet,
    PolicyVersion,
    Record,
    RecordQuerySet,
    Sequence,
    SequenceQuerySet,
)

__all__ = [
    "AppendOnlyError",
    "Category",
    "CategoryQuerySet",
    "Cookie",
    "CookieQuerySet",
    "Counter",
    "CounterQuerySet",
    "Dated",
    "Policy",
    "PolicyQuerySet",
    "PolicyVersion",
    "Record",
    "RecordQuerySet",
    "RegionRule",
    "Sequence",
    "SequenceQuerySet",
    "Tool",
    "ToolQuerySet",
]
