"""The pages on which visitors read the records of their own decisions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.http import Http404

from consent.conf import conf
from consent.pages.template_data import receipt_data
from consent.proof import receipts
from consent.views.private import PrivateView
from consent.visitor import consent_of


class ReceiptsView(PrivateView):
    """The visitor's own records, newest first: at most a hundred. 404 where none are kept."""

    template_name = "consent/receipts_page.html"

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        """Add the records of the visitor whom the subject's cookie names."""
        if not conf.RECORDS:
            raise Http404
        consent = consent_of(self.request)
        found = receipts.own_records(consent.secret, consent.account)
        shown = [receipt_data(record) for record in found]
        return super().get_context_data(receipts=shown, key=uuid4(), **kwargs)


class ReceiptView(PrivateView):
    """What the visitor was shown when they made one decision; 404 for one that is not theirs."""

    template_name = "consent/receipt_page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the record, and the version of the policy that it refers to."""
        consent = consent_of(self.request)
        record = receipts.own_record(consent.secret, consent.account, kwargs["receipt"])
        if record is None:
            raise Http404
        data = {"receipt": receipt_data(record), "shown": record.version.shown}
        return super().get_context_data(**{**kwargs, **data})
