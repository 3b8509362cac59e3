"""The cookies that a tool declares, as rows of its form."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consent.admin.base import NamedFormSet, OwnedInline
from consent.admin.catalogue import chosen
from consent.admin.generic import ModelForm
from consent.admin.pasted import initial_cookies
from consent.models import Cookie, Tool


class CookieForm(ModelForm[Cookie]):
    """A declared cookie."""

    class Meta:
        """Widths with which a row fits the page."""

        fields = ("name", "kind", "party", "retention", "purpose")
        labels = {
            "name": _("Name (* for a part that varies)"),
            "purpose": _("Purpose"),
        }
        widgets = {
            "name": forms.TextInput(attrs={"size": 14, "spellcheck": "false"}),
            "retention": forms.TextInput(attrs={"size": 11}),
            "purpose": forms.Textarea(attrs={"rows": 2, "cols": 28}),
        }

    def has_changed(self) -> bool:
        """Ignore a new row whose texts are all empty: it declares nothing.

        A stored row is not lost this way, since its name is required.
        """
        texts = (self.add_prefix(name) for name in ("name", "retention", "purpose"))
        is_empty = not any(str(self.data.get(name, "")).strip() for name in texts)
        return super().has_changed() and not is_empty


class CookieInline(OwnedInline[Cookie, Tool]):
    """The cookies and storage keys that a tool declares."""

    model = Cookie
    form = CookieForm
    formset = NamedFormSet[Cookie, Tool]
    verbose_name_plural = _("Cookies and storage keys")

    def get_extra(self, request: HttpRequest, obj: Tool | None = None, **kwargs: object) -> int:
        """Return the number of cookies that the recipe declares or that were found, or 1."""
        recipe = None if obj else chosen(request)
        return len(recipe.cookies) if recipe else max(1, len(initial_cookies(request)))
