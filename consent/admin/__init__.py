"""The admin: where a site's owner keeps policy, categories and tools."""

from consent.admin.categories import CategoryAdmin
from consent.admin.policies import PolicyAdmin
from consent.admin.tools import ToolAdmin

__all__ = ["CategoryAdmin", "PolicyAdmin", "ToolAdmin"]
