"""The form of one tool: the parameters of its recipe, or its snippet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.utils.html import escape
from django.utils.translation import gettext

from consent.admin import advice
from consent.admin.base import CosmeticForm
from consent.admin.generic import ModelChoiceField
from consent.admin.keys import free_key, keys_in
from consent.admin.skins import dress
from consent.models import Category, Tool, parameter_errors
from consent.recipes import Parameter, Recipe

PREFIX = "parameter_"
# Before the name of a secret: the box that takes the stored one away.
REMOVE = "remove_"
MASKED = "••••••••"


def _categories() -> QuerySet[Category]:
    return Category.objects.select_related("policy")


class CategoryField(ModelChoiceField[Category]):
    """Chooses a category; names its policy, too, if that is not the active one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "queryset": _categories()})

    def label_from_instance(self, obj: Category) -> str:
        """Return the category's name."""
        return str(obj) if obj.policy.is_default else f"{obj} ({obj.policy})"


class ToolForm(CosmeticForm[Tool]):
    """A tool; `form_for` adds a field for each parameter of its recipe."""

    recipe: ClassVar[Recipe | None] = None
    may_edit_code: ClassVar[bool] = True

    class Meta:
        """Parameters have fields of their own."""

        model = Tool
        exclude = ("parameters",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, required in (("key", False), ("snippet", True)):
            if name in self.fields:
                self.fields[name].required = required
        category = self.fields.get("category")
        if isinstance(category, CategoryField) and self.instance.pk:
            # It stays in its policy: visitors decided by that policy's revisions.
            category.queryset = _categories().filter(policy=self.instance.policy_id)
        if self.recipe is not None:
            self.instance.recipe = self.recipe.key
            if self.instance.pk is None:
                self.instance.placement = self.recipe.placement
            for parameter in self.recipe.parameters:
                self._show_stored(parameter)

    def _show_stored(self, parameter: Parameter) -> None:
        """Show the stored value; for a secret, only that there is one."""
        field = self.fields[PREFIX + parameter.name]
        value = stored(self.instance, parameter)
        if not parameter.secret:
            field.initial = value or parameter.default
        elif value:
            field.required = False
            field.widget.attrs["placeholder"] = MASKED
            keep = gettext("A value is stored. Leave this empty to keep it.")
            field.help_text = f"{keep} {field.help_text}"

    def clean(self) -> dict[str, object]:
        """Make a key if none was given, and validate the parameters against the recipe."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("key") == "":
            category = cleaned.get("category")
            policy = category.policy if category else None
            cleaned["key"] = free_key(cleaned.get("name", ""), keys_in(policy))
        if self.recipe is not None:
            stored_values = {p.name: stored(self.instance, p) for p in self.recipe.parameters}
            before = self.recipe.code(stored_values)
            self._clean_parameters(self.recipe, cleaned)
            self._clean_code(self.recipe, before)
        if not self.may_edit_code:
            self._clean_essential(cleaned.get("category"))
        return cleaned

    def advice(self) -> Iterable[str]:
        """Warn of tools that run for everybody, and of those without a vendor."""
        if self.instance.pk is None or {"category", "vendor"} & {*self.changed_data}:
            return advice.on_tool(self.instance)
        return ()

    def _clean_code(self, recipe: Recipe, before: Mapping[str, str]) -> None:
        """Refuse another value that decides which scripts run, unless the user may change code."""
        for name, value in recipe.code(self.instance.parameters).items():
            if value != before[name] and not self.may_edit_code:
                self.add_error(
                    PREFIX + name,
                    gettext(
                        "Only users with the permission to edit custom snippets may change this: "
                        "it decides which scripts run on the website."
                    ),
                )

    def _clean_essential(self, category: Category | None) -> None:
        """Refuse that a tool comes to run for everybody, unless its recipe suggests it."""
        was_essential = self.instance.pk and Tool.objects.filter(
            pk=self.instance.pk, category__essential=True
        )
        suggested = self.recipe.category if self.recipe else ""
        if category and category.essential and category.key != suggested and not was_essential:
            self.add_error(
                "category",
                gettext(
                    "Only users with the permission to edit custom snippets may move a tool into "
                    "an essential category: there it runs for everybody."
                ),
            )

    def _clean_parameters(self, recipe: Recipe, cleaned: dict[str, object]) -> None:
        values = {p.name: self._value(p, cleaned) for p in recipe.parameters}
        self.instance.parameters = {name: value for name, value in values.items() if value}
        for name, message in parameter_errors(recipe, self.instance.parameters).items():
            if not self.has_error(PREFIX + name):
                self.add_error(PREFIX + name, message)

    def _value(self, parameter: Parameter, cleaned: dict[str, Any]) -> str:
        typed: str = cleaned.get(PREFIX + parameter.name) or ""
        if typed or not parameter.secret or cleaned.get(REMOVE + parameter.name):
            return typed
        return stored(self.instance, parameter)

    def ask_for_secrets_again(self) -> None:
        """Add an error to each secret that was entered: no page sends a secret back."""
        for name, field in self.fields.items():
            typed = isinstance(field.widget, forms.PasswordInput) and self.data.get(name)
            if typed and not self.has_error(name):
                self.add_error(
                    name, gettext("Enter it again: secrets are not kept between attempts.")
                )


def form_for(recipe: Recipe | None, *, may_edit_code: bool) -> type[ToolForm]:
    """Return the form of a tool by ``recipe``, or of a custom snippet where that is None.

    Without ``may_edit_code`` it refuses what would let other scripts run on the website.
    """
    fields: dict[str, Any] = {"recipe": recipe, "may_edit_code": may_edit_code}
    for parameter in recipe.parameters if recipe else ():
        fields[PREFIX + parameter.name] = _field(parameter)
        if parameter.secret and not parameter.required:
            label = gettext("Remove the stored value: %s") % gettext(parameter.label)
            fields[REMOVE + parameter.name] = forms.BooleanField(label=label, required=False)
    return type("ToolForm", (ToolForm,), fields)


def fields_for(recipe: Recipe, tool: Tool | None) -> list[str]:
    """Return the names of the fields for parameters that the form of ``tool`` shows."""
    names = []
    for parameter in recipe.parameters:
        names.append(PREFIX + parameter.name)
        if tool and parameter.secret and not parameter.required and stored(tool, parameter):
            names.append(REMOVE + parameter.name)
    return names


def stored(tool: Tool, parameter: Parameter) -> str:
    """Return the value that ``tool`` has for ``parameter``, or ""."""
    value = tool.parameters.get(parameter.name) if isinstance(tool.parameters, dict) else ""
    return value if isinstance(value, str) else ""


def shown(tool: Tool, parameter: Parameter) -> str:
    """Return the stored value for users who may only view it."""
    value = stored(tool, parameter)
    return MASKED if parameter.secret and value else value or "—"


def _field(parameter: Parameter) -> forms.Field:
    """Return a field for ``parameter``; ToolForm.clean validates its value by the recipe."""
    field = forms.CharField(
        label=gettext(parameter.label),
        required=parameter.required and not parameter.default,
        help_text=_help(parameter),
        error_messages={"required": parameter.error("")},
        widget=_widget(parameter),
    )
    dress(field)
    return field


def _widget(parameter: Parameter) -> forms.Widget:
    if parameter.choices:
        blank = [] if parameter.default else [("", "—")]
        return forms.Select(choices=[*blank, *((choice, choice) for choice in parameter.choices)])
    attributes = {"class": "vTextField", "spellcheck": "false", "autocapitalize": "off"}
    if parameter.secret:
        return forms.PasswordInput(attrs={**attributes, "autocomplete": "new-password"})
    # No autofill: the ids belong to the site, not to the person who edits.
    return forms.TextInput(attrs={**attributes, "autocomplete": "off"})


def _help(parameter: Parameter) -> str:
    """Return where to find the value, and an example; escaped, since the admin does not."""
    where = gettext(parameter.help) if parameter.help else ""
    example = "" if parameter.choices else gettext("Example: %s") % parameter.example
    return escape(" ".join(filter(None, (where, example))))
