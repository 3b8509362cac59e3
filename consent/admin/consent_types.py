"""The signals of a category, as boxes to tick."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from consent.admin.wording import Text
from consent.recipes import CONSENT_TYPES

# What Google says of each, in words that need no documentation.
MEANINGS: dict[str, Text] = {
    "ad_storage": _("Advertising may store and read data"),
    "ad_user_data": _("Data about visitors may be sent to Google for advertising"),
    "ad_personalization": _("Advertisements may be personal"),
    "analytics_storage": _("Statistics may store and read data"),
    "functionality_storage": _("Settings such as the language may be stored"),
    "personalization_storage": _("Content may be chosen for the visitor"),
    "security_storage": _("What keeps the website safe may be stored"),
}


class ConsentTypesField(forms.MultipleChoiceField):
    """Boxes for the types of Consent Mode; its value is their names with spaces between."""

    def __init__(self, **options: Any) -> None:
        choices = [(name, _choice(name)) for name in CONSENT_TYPES]
        # The class is that of the admin's own lists of buttons: else the labels are narrow.
        widget = forms.CheckboxSelectMultiple(attrs={"class": "radiolist"})
        super().__init__(choices=choices, required=False, widget=widget, **options)

    def prepare_value(self, value: object) -> object:
        """Return the names to tick: what is stored is one text."""
        return value.split() if isinstance(value, str) else value

    def clean(self, value: object) -> str:
        """Return what is stored. Raises ValidationError for a name that is no type."""
        return " ".join(super().clean(value))

    def has_changed(self, initial: object, data: Iterable[str] | None) -> bool:
        """Say whether other boxes are ticked than were."""
        return set(str(initial or "").split()) != set(data or ())


def _choice(name: str) -> Text:
    return format_lazy("{} ({})", MEANINGS[name], name)
