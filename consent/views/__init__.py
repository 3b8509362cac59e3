"""The app's own pages, and the files that other pages load from it."""

from consent.views.bundles import notice, region, tools
from consent.views.embed import EmbedView
from consent.views.policy import PolicyView, gpc
from consent.views.preferences import PreferencesView
from consent.views.receipts import ReceiptsView, ReceiptView

__all__ = [
    "EmbedView",
    "PolicyView",
    "PreferencesView",
    "ReceiptView",
    "ReceiptsView",
    "gpc",
    "notice",
    "region",
    "tools",
]
