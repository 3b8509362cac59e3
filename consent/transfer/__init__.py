"""Export and import of a policy, to carry it from one installation to another as a JSON file.

`serializers` describe the file, built on the strict `fields`. A `document` is the policy as plain
data, from a file or from the database; `merging` adds what only the database has; `importing`
stores the result; `report` says in words what changes and who is asked again.
"""

from consent.transfer.files import FORMAT, Export, export_policy
from consent.transfer.importing import import_policy
from consent.transfer.report import Report
from consent.transfer.wording import TransferError

__all__ = ["FORMAT", "Export", "Report", "TransferError", "export_policy", "import_policy"]
