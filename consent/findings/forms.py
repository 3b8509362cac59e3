"""The form of a finding: what is done about it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consent.admin.generic import ModelForm
from consent.findings.declaring import declaration
from consent.findings.models import Finding
from consent.models import Cookie, Tool


class FindingForm(ModelForm[Finding]):
    """What is done about a finding: declare it at a tool, call it one's own, or ignore it."""

    tool = forms.ModelChoiceField(
        Tool.objects.all(),
        required=False,
        label=_("Declare at tool"),
        help_text=_("Visitors then see it with that tool."),
    )

    class Meta:
        """What was seen cannot be changed."""

        model = Finding
        fields = ("state", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declaration: Cookie | Tool | None = None
        field = self.fields.get("tool")
        if isinstance(field, forms.ModelChoiceField) and self.instance.kind == Finding.Kind.HOST:
            # A recipe knows its hosts itself.
            field.queryset = Tool.objects.filter(recipe="")

    def clean(self) -> dict[str, Any]:
        """Require a reason for what is ignored, and a tool for what is declared."""
        cleaned = super().clean() or self.cleaned_data
        tool = cleaned.get("tool")
        if tool is not None:
            cleaned["state"] = Finding.State.DECLARED
            self._prepare(tool)
        elif cleaned.get("state") == Finding.State.DECLARED and self.instance.state != "declared":
            self.add_error("state", gettext("Choose the tool that declares it."))
        if cleaned.get("state") == Finding.State.IGNORED and not cleaned.get("reason", "").strip():
            self.add_error("reason", gettext("Say why it is ignored."))
        return cleaned

    def _prepare(self, tool: Tool) -> None:
        try:
            self.declaration = declaration(self.instance, tool)
        except ValidationError as error:
            self.add_error("tool", error.messages)
