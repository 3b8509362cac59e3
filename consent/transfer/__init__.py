"""Carries a policy from one installation to another, as one JSON file with natural keys.

Reading (`reading`), its rules (`rules`), what the database has (`stored`), the difference
(`comparing`), storing it (`applying`) and who is asked again (`asking`) are apart; all of them
speak of the plain data in `document`.
"""

from consent.transfer.applying import import_policy
from consent.transfer.document import FORMAT
from consent.transfer.problems import TransferError
from consent.transfer.report import Report
from consent.transfer.stored import Export, export_policy

__all__ = ["FORMAT", "Export", "Report", "TransferError", "export_policy", "import_policy"]
