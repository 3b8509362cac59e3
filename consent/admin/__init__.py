"""The admin: where a site's owner keeps policy, categories and tools, and reads the proof."""

from consent.admin.categories import CategoryAdmin
from consent.admin.dashboard import CounterAdmin
from consent.admin.policies import PolicyAdmin
from consent.admin.records import RecordAdmin
from consent.admin.tools import ToolAdmin
from consent.admin.versions import PolicyVersionAdmin

__all__ = [
    "CategoryAdmin",
    "CounterAdmin",
    "PolicyAdmin",
    "PolicyVersionAdmin",
    "RecordAdmin",
    "ToolAdmin",
]
