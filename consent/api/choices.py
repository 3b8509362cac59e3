"""The body of a write to the API: the visitor's choices, validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Required, TypedDict

from rest_framework import serializers

from consent.models.texts_language import gettext_lazy as _
from consent.policy.versions import VERSION_NAME
from consent.proof.identifiers import read_key
from consent.recipes.keys import is_key

MAX_CHOICES = 50


class StrictBooleanField(serializers.BooleanField):
    """Accepts only true and false: “yes”, 1 or "false" is not a clear choice."""

    default_error_messages = {"invalid": _("Invalid choice: use true or false.")}

    def to_internal_value(self, data: object) -> bool:
        """Return ``data`` if it is a boolean; raise ValidationError otherwise."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class ChoicesField(serializers.DictField):
    """Keys of categories or tools to choices, validated before anything repeats or uses them."""

    def run_child_validation(self, data: Mapping[str, object]) -> dict[str, bool]:
        """Return the choices; raise ValidationError if a key or a choice is invalid."""
        if len(data) > MAX_CHOICES:
            raise serializers.ValidationError(
                _("Too many choices: the maximum is %d.") % MAX_CHOICES
            )
        wrong = [key for key in data if not is_key(key)]
        if wrong:
            raise serializers.ValidationError(
                {ascii(key[:40])[1:-1]: [_("Invalid category or tool key.")] for key in wrong}
            )
        choices: dict[str, bool] = super().run_child_validation(data)
        return choices


def validate_key(text: str) -> None:
    """Raise ValidationError if ``text`` is not a random UUID."""
    try:
        read_key(text)
    except ValueError as error:
        raise serializers.ValidationError(
            _("Invalid UUID: use a random one, such as crypto.randomUUID() returns."), "invalid"
        ) from error


class Choices(TypedDict, total=False):
    """A validated body; all members but ``choices`` may be missing."""

    choices: Required[dict[str, bool]]
    revision: int
    version: str
    key: str
    source: str


class ChoicesSerializer(serializers.Serializer[None]):
    """A visitor's choices: for each category key true (allow) or false (refuse).

    The keys of tools are accepted, too, if the policy lets visitors refuse single tools.
    """

    choices = ChoicesField(
        child=StrictBooleanField(),
        allow_empty=False,
        help_text="Category key to true (allow) or false (refuse); also the keys of tools, if "
        "the policy has tool_choices.",
    )
    revision = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="The policy's revision that the visitor saw; nothing newer is granted.",
    )
    version = serializers.RegexField(
        rf"\A{VERSION_NAME}\Z",
        required=False,
        help_text="Identifier of the text that the visitor saw: the data-version of the page.",
    )
    key = serializers.CharField(
        required=False,
        validators=[validate_key],
        help_text="A random UUID. A decision that is sent again with the same key is stored once.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=("notice", "preferences", "api"),
        required=False,
        allow_blank=True,
        help_text="Where the visitor chose; the default is api.",
    )
