"""The admin's pages of events: the deliveries, and for each server-side tool one of its own."""

from consent.admin import tool_pages
from consent.events.admin.deliveries import DeliveryAdmin
from consent.events.admin.tool_page import PAGE

__all__ = ["DeliveryAdmin"]

tool_pages.register(PAGE)
