"""Packages that replace the templates of Django's admin, where a section has to know of them.

Most of them need nothing. django-unfold works only with sections that inherit from its classes, and
its style sheet knows its own widgets alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.apps import apps

if TYPE_CHECKING or not apps.is_installed("unfold"):
    from django.contrib import admin

    CLASSES: dict[type[forms.Widget], list[str]] = {}
else:
    from unfold import admin, widgets

    CLASSES = {
        forms.TextInput: widgets.INPUT_CLASSES,
        forms.PasswordInput: widgets.INPUT_CLASSES,
        forms.Textarea: widgets.TEXTAREA_CLASSES,
        forms.Select: widgets.SELECT_CLASSES,
    }

__all__ = ["admin", "dress"]


def dress(field: forms.Field) -> None:
    """Make a field of ours look as those of the skin do."""
    for kind, classes in CLASSES.items():
        if isinstance(field.widget, kind):
            present = field.widget.attrs.get("class", "").split()
            field.widget.attrs["class"] = " ".join(dict.fromkeys([*present, *classes]))
