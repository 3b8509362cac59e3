"""Export and import of a policy, to carry it from one installation to another as a JSON file.

`serializers`, built on the strict `fields`, describe the file; `tools` has the rules for a tool in
it. `files` writes and reads its text. `importing` stores it, unless there are `clashes` with what
stays; `report` says in words what changes and who is asked again.
"""

from consent.transfer.files import FORMAT, Export, export_policy
from consent.transfer.importing import import_policy
from consent.transfer.report import Report
from consent.transfer.wording import TransferError

__all__ = ["FORMAT", "Export", "Report", "TransferError", "export_policy", "import_policy"]
