"""What is stored: the policy that a site's owner edits, the proof of what visitors decided, and
the events on their way to tools.
"""

from consent.models.outbox import (
    Delivery,
    DeliveryQuerySet,
    SigningSecret,
    SigningSecretQuerySet,
)
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
    "Delivery",
    "DeliveryQuerySet",
    "Policy",
    "PolicyQuerySet",
    "PolicyVersion",
    "Record",
    "RecordQuerySet",
    "RegionRule",
    "Sequence",
    "SequenceQuerySet",
    "SigningSecret",
    "SigningSecretQuerySet",
    "Tool",
    "ToolQuerySet",
]
