"""The form of one tool: its recipe's parameters, or its snippet."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.base import CosmeticForm
from consent.models import Tool
from consent.recipes import Parameter, Recipe

PREFIX = "parameter_"


class ToolForm(CosmeticForm):
    """A tool; `form_for` adds one field for each of its recipe's parameters."""

    parameters_of: Recipe | None = None

    class Meta:
        """Parameters have fields of their own."""

        model = Tool
        exclude = ("parameters",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        recipe = self.parameters_of
        if recipe is None:
            if "snippet" in self.fields:
                self.fields["snippet"].required = True
            return
        self.instance.recipe = recipe.key
        stored = self.instance.parameters if isinstance(self.instance.parameters, dict) else {}
        for parameter in recipe.parameters:
            field = self.fields.get(PREFIX + parameter.name)
            if field is not None and not parameter.secret:
                field.initial = stored.get(parameter.name, parameter.default)
            elif field is not None and stored.get(parameter.name):
                field.required = False
                field.help_text = gettext("Stored, and not shown. Leave empty to keep it.")

    def clean(self) -> dict[str, Any]:
        """Gather the parameters, each already held against the recipe."""
        cleaned = super().clean() or self.cleaned_data
        recipe = self.parameters_of
        if recipe is not None and not self.fields.keys().isdisjoint(_field_names(recipe)):
            self.instance.parameters = self._values(recipe, cleaned)
        return cleaned

    def _values(self, recipe: Recipe, cleaned: dict[str, Any]) -> dict[str, str]:
        stored = self.instance.parameters if isinstance(self.instance.parameters, dict) else {}
        values = {}
        for parameter in recipe.parameters:
            value = cleaned.get(PREFIX + parameter.name) or ""
            if not value and parameter.secret:
                value = stored.get(parameter.name, "")
            if value:
                values[parameter.name] = value
        return values


def form_for(recipe: Recipe | None) -> type[ToolForm]:
    """Return the form of a tool by ``recipe``, or of a custom snippet where that is None."""
    parameters = () if recipe is None else recipe.parameters
    fields: dict[str, Any] = {PREFIX + p.name: _field(p) for p in parameters}
    return type("ToolForm", (ToolForm,), {**fields, "parameters_of": recipe})


def _field_names(recipe: Recipe) -> list[str]:
    return [PREFIX + parameter.name for parameter in recipe.parameters]


def _field(parameter: Parameter) -> forms.Field:
    """Return a field that accepts what the recipe accepts, and says why it does not."""
    common: dict[str, Any] = {
        "label": gettext(parameter.label),
        "required": parameter.required and not parameter.default,
        "help_text": _help(parameter),
        "error_messages": {"required": parameter.error("")},
    }
    if parameter.choices:
        blank = [] if parameter.is_always_filled else [("", "—")]
        return forms.ChoiceField(choices=[*blank, *((c, c) for c in parameter.choices)], **common)
    widget = forms.PasswordInput if parameter.secret else forms.TextInput
    # No browser autofill: these are ids of the site, not of the person who edits.
    attributes = {"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}
    return forms.CharField(
        widget=widget(attrs=attributes), validators=[_validator(parameter)], **common
    )


def _help(parameter: Parameter) -> str:
    example = gettext("Example: %s") % parameter.example
    return f"{gettext(parameter.help)} {example}" if parameter.help else example


def _validator(parameter: Parameter) -> Any:
    def validate(value: str) -> None:
        if message := parameter.error(value):
            raise forms.ValidationError(message, code="invalid")

    return validate


class CookieForm(forms.ModelForm):  # type: ignore[type-arg]
    """A declared cookie."""

    class Meta:
        """Widths that let a row fit."""

        fields = ("name", "kind", "party", "retention", "purpose")
        labels = {"purpose": _("What it is for")}
        widgets = {
            "name": forms.TextInput(attrs={"size": 18}),
            "retention": forms.TextInput(attrs={"size": 14}),
            "purpose": forms.TextInput(attrs={"size": 40}),
        }
