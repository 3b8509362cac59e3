"""The form of a policy's texts in one language: the source beside its translation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.advice import PLACEHOLDERS
from consent.admin.base import NOTHING
from consent.admin.fields import LinesField
from consent.admin.skins import dress
from consent.admin.translation_rows import OUTDATED, Row
from consent.models.texts_language import direction_of

SHOWN, KEEP = "-shown", "-keep"
LENGTH = 16
# From how many characters on a text is edited in several lines.
LONG = 60


def field_name(row: Row) -> str:
    """Return the name of the field for the translation of ``row``."""
    return f"{row.owner._meta.model_name}-{row.owner.pk}-{row.name}"


def _digest(text: str) -> str:
    # As a browser sends it back.
    plain = text.replace("\r\n", "\n").strip()
    return sha256(plain.encode()).hexdigest()[:LENGTH]


def _digests(row: Row) -> str:
    return f"{_digest(row.source)}.{_digest(row.value)}"


@dataclass(frozen=True)
class Line:
    """What the page shows of a row. ``field``: None where the user may only read it.

    ``shown``: the value of the hidden field. ``keep``: the box of an outdated translation.
    """

    row: Row
    field: forms.BoundField | None = None
    shown: str = ""
    keep: forms.BoundField | None = None


class TranslationForm(forms.Form):
    """The translations of ``rows``.

    A hidden field has digests of what the page showed of each row, so that no edit which somebody
    else made meanwhile is overwritten, and no translation counts as one of another text.
    """

    def __init__(self, rows: Sequence[Row], data: Mapping[str, Any] | None = None) -> None:
        self.rows = {field_name(row): row for row in rows}
        super().__init__(data)
        for name, row in self.rows.items():
            self.fields[name] = _field(row)
            if row.state == OUTDATED:
                self.fields[name + KEEP] = forms.BooleanField(
                    label=_("The translation is right as it is"), required=False
                )

    def line(self, row: Row) -> Line:
        """Return what the page shows of ``row``, which may be none of the form's."""
        name = field_name(row)
        if name not in self.fields:
            return Line(row)
        keep = self[name + KEEP] if name + KEEP in self.fields else None
        # After an error of another row, what an editor did not touch is still what it was.
        is_new = not self.is_bound or name in self.errors
        return Line(row, self[name], _digests(row) if is_new else self._posted(name), keep)

    def _posted(self, name: str) -> str:
        return str(self.data.get(name + SHOWN, ""))

    def clean(self) -> dict[str, Any]:
        """Refuse translations of texts that are others by now, and wrong placeholders."""
        cleaned = super().clean() or self.cleaned_data
        for row, text in self.changes():
            name = field_name(row)
            try:
                _validate_shown(row, self._posted(name))
                _validate_placeholders(row, text)
            except ValidationError as error:
                self.add_error(name, error)
        return cleaned

    def changes(self) -> Iterator[tuple[Row, str]]:
        """Yield the rows that the editor changed, with their new translations."""
        for name, row in self.rows.items():
            text = self.cleaned_data.get(name)
            if text is None:
                continue
            before = self._posted(name).partition(".")[2]
            keeps = bool(self.cleaned_data.get(name + KEEP)) and bool(text)
            if keeps or _digest(text) not in (before, _digest(row.value)):
                yield row, text


def _validate_shown(row: Row, shown: str) -> None:
    source, _dot, value = shown.partition(".")
    if source != _digest(row.source):
        raise ValidationError(
            gettext("The text was changed meanwhile: compare it with your translation.")
        )
    if value != _digest(row.value):
        raise ValidationError(
            gettext("Somebody else changed this meanwhile to “%s”. Save again to replace it.")
            % (row.value or NOTHING)
        )


def _field(row: Row) -> forms.Field:
    is_long = len(row.source) > LONG or "\n" in row.source
    attributes = {"lang": row.language, "dir": direction_of(row.language)}
    size = {"rows": min(12, 2 + len(row.source) // 70 + row.source.count("\n")), "cols": 60}
    field = LinesField(
        label=row.label,
        required=False,
        initial=row.value,
        max_length=row.max_length,
        widget=forms.Textarea({**attributes, **size}) if is_long else forms.TextInput(attributes),
    )
    dress(field)
    return field


def _validate_placeholders(row: Row, text: str) -> None:
    for placeholder in sorted(PLACEHOLDERS):
        if text and placeholder in row.source and placeholder not in text:
            raise ValidationError(
                gettext("“%s” is in the text and missing in the translation.") % placeholder
            )
