"""Form fields of the admin."""

from __future__ import annotations

from django import forms


class LinesField(forms.CharField):
    """A text of several lines, which is stored with LF at their ends.

    Browsers send CRLF: https://html.spec.whatwg.org/#constructing-the-form-data-set
    """

    def to_python(self, value: object) -> str:
        """Return the text with LF."""
        return (super().to_python(value) or "").replace("\r\n", "\n")

    def has_changed(self, initial: object, data: object) -> bool:
        """Say whether the text changed; the kind of its line ends does not count."""
        return super().has_changed(self.to_python(initial), data)
