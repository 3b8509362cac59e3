"""Django's classes of the admin and of forms that its type stubs make generic.

Django gives most of them no ``__class_getitem__``; these may be subscripted at run time, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.options import _FieldsetSpec as Fieldsets
    from django.db.models import Field, ForeignKey
    from django.forms import BaseInlineFormSet, ModelChoiceField, ModelForm

    Fields = list[str | list[str] | tuple[str, ...] | tuple[()]]
    AnyField = Field[object, object]
    AnyForeignKey = ForeignKey[object, object]
else:
    from django import forms

    from consent.admin.skins import admin

    AnyField = AnyForeignKey = Fields = Fieldsets = object

    class _Subscriptable:
        def __class_getitem__(cls, item):
            return cls

    class ModelAdmin(_Subscriptable, admin.ModelAdmin):
        """`admin.ModelAdmin`, generic."""

    class TabularInline(_Subscriptable, admin.TabularInline):
        """`admin.TabularInline`, generic."""

    class ModelForm(_Subscriptable, forms.ModelForm):
        """`forms.ModelForm`, generic."""

    class BaseInlineFormSet(_Subscriptable, forms.BaseInlineFormSet):
        """`forms.BaseInlineFormSet`, generic."""

    class ModelChoiceField(_Subscriptable, forms.ModelChoiceField):
        """`forms.ModelChoiceField`, generic."""


__all__ = [
    "AnyField",
    "AnyForeignKey",
    "BaseInlineFormSet",
    "Fields",
    "Fieldsets",
    "ModelAdmin",
    "ModelChoiceField",
    "ModelForm",
    "TabularInline",
]
