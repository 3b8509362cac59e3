"""The API's bodies, as read and as written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from consent.proof.recording import read_key
from consent.recipes.keys import is_key

MAX_CHOICES = 50


class StrictBooleanField(serializers.BooleanField):
    """true or false and nothing else: “yes”, 1 or "false" is no clear choice."""

    default_error_messages = {
        "invalid": _("This is neither true nor false."),
    }

    def to_internal_value(self, data: Any) -> bool:
        """Return ``data`` where it is a boolean; raise ValidationError otherwise."""
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class ChoicesField(serializers.DictField):
    """Keys of categories or tools to choices. Looks at them before anything echoes or compares."""

    def run_child_validation(self, data: Mapping[str, Any]) -> dict[str, bool]:
        """Return the choices; raise ValidationError where a key or a choice cannot be one."""
        if len(data) > MAX_CHOICES:
            raise serializers.ValidationError(
                _("These are too many choices: at most %d.") % MAX_CHOICES
            )
        wrong = [key for key in data if not is_key(key)]
        if wrong:
            raise serializers.ValidationError(
                {
                    ascii(key[:40])[1:-1]: [_("This is no key of a category or tool.")]
                    for key in wrong
                }
            )
        choices: dict[str, bool] = super().run_child_validation(data)
        return choices


class KeyField(serializers.CharField):
    """A random UUID of the sender's own."""

    default_error_messages = {
        "invalid": _("This is no random UUID, such as crypto.randomUUID() returns."),
    }

    def to_internal_value(self, data: Any) -> UUID | None:  # type: ignore[override]
        """Return the key; raise ValidationError where it is none."""
        try:
            return read_key(super().to_internal_value(data))
        except ValueError:
            self.fail("invalid")


class ChoicesSerializer(serializers.Serializer[Any]):
    """What a visitor sends: for each category key true (allow) or false (refuse).

    Also for keys of tools, where the policy lets visitors refuse single ones.
    """

    choices = ChoicesField(
        child=StrictBooleanField(),
        allow_empty=False,
        help_text="Category key to true (allow) or false (refuse); also the keys of tools, where "
        "the policy has tool_choices.",
    )
    revision = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="The policy's revision that the visitor was shown; nothing later is granted.",
    )
    version = serializers.RegexField(
        r"\A[0-9a-f]{16}\Z",
        required=False,
        help_text="What the page calls the text that the visitor was shown (its data-version).",
    )
    key = KeyField(
        required=False,
        help_text="A random UUID. Sent again with the same one, a decision is recorded once.",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=("notice", "preferences", "api"),
        required=False,
        allow_blank=True,
        help_text="Where the visitor chose; api where nothing is said.",
    )


class CookieSerializer(serializers.Serializer[Any]):
    """A cookie or storage key that a tool declares."""

    name = serializers.CharField(help_text="Name; * stands for a part that varies.")
    kind = serializers.ChoiceField(choices=("cookie", "storage"))
    party = serializers.ChoiceField(choices=("first", "third"))
    retention = serializers.CharField(allow_blank=True)
    purpose = serializers.CharField(allow_blank=True)


class ToolSerializer(serializers.Serializer[Any]):
    """A tool as visitors are told of it. Nothing of its configuration."""

    key = serializers.CharField()
    name = serializers.CharField()
    vendor = serializers.CharField(allow_blank=True)
    privacy_url = serializers.CharField(allow_blank=True)
    since = serializers.IntegerField(help_text="A grant at this revision or later covers it.")
    server = serializers.BooleanField(help_text="Whether data is sent from the site's server.")
    cookies = CookieSerializer(many=True)


class CategorySerializer(serializers.Serializer[Any]):
    """A category of the policy."""

    key = serializers.CharField()
    name = serializers.CharField()
    purpose = serializers.CharField()
    essential = serializers.BooleanField()
    sale = serializers.BooleanField(help_text="Whether its data is sold or shared.")
    since = serializers.IntegerField(help_text="A grant at this revision or later covers it all.")
    tools = ToolSerializer(many=True)


class PolicySerializer(serializers.Serializer[Any]):
    """The policy in the request's language."""

    name = serializers.CharField()
    introduction = serializers.CharField(allow_blank=True)
    explanation = serializers.CharField(allow_blank=True)
    notice_text = serializers.CharField()
    policy_url = serializers.CharField()
    privacy_url = serializers.CharField(allow_blank=True)
    revision = serializers.IntegerField()
    regime = serializers.ChoiceField(
        choices=("opt_in", "implied", "notice_only"),
        help_text="What holds before a choice; where that depends on the region, the strictest.",
    )
    lifetime_days = serializers.IntegerField()
    tool_choices = serializers.BooleanField(help_text="Whether single tools can be refused.")
    categories = CategorySerializer(many=True)


class PreferencesSerializer(serializers.Serializer[Any]):
    """What a visitor chose, and what follows from it."""

    decided = serializers.BooleanField()
    ask = serializers.BooleanField(help_text="Whether the visitor is to be asked (again).")
    revision = serializers.IntegerField(allow_null=True)
    decided_on = serializers.DateField(allow_null=True)
    expires_on = serializers.DateField(allow_null=True)
    choices = serializers.DictField(
        child=serializers.BooleanField(allow_null=True),
        help_text="Optional category key to true, false, or null where not asked yet.",
    )
    refused_tools = serializers.ListField(
        child=serializers.CharField(),
        help_text="Keys of the tools that were refused in categories that were granted.",
    )
    opted_out = serializers.BooleanField(
        help_text="Whether something is off because the browser asks not to sell or share data."
    )
    allowed = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the tools that may run."
    )


class StartSerializer(serializers.Serializer[Any]):
    """An allowed tool's code, for a page that has not started it yet."""

    tool = serializers.CharField()
    placement = serializers.ChoiceField(choices=("head", "body", "manual"))
    html = serializers.CharField()


class StopSerializer(serializers.Serializer[Any]):
    """What tools that are not allowed may have left: name patterns to delete, and to keep."""

    tools = serializers.ListField(child=serializers.CharField())
    cookies = serializers.ListField(child=serializers.CharField())
    storage = serializers.ListField(child=serializers.CharField())
    keep = serializers.ListField(child=serializers.CharField())


class OutcomeSerializer(PreferencesSerializer):
    """What a visitor chose, and what the page has to start and to clean up."""

    recorded = serializers.BooleanField(
        help_text="False where a refusal holds but could not be recorded yet; its record waits on "
        "the server."
    )
    start = StartSerializer(many=True)
    stop = StopSerializer()


class ReceiptSerializer(serializers.Serializer[Any]):
    """The visitor's copy of a record, signed. Names after ISO/IEC TS 27560:2023."""

    schema_version = serializers.CharField()
    receipt_id = serializers.UUIDField()
    record_id = serializers.UUIDField()
    pii_principal_id = serializers.UUIDField(help_text="A hash of what the subject's cookie holds.")
    pii_processing = serializers.DictField(help_text="Purposes, and where they were told of.")
    party_identification = serializers.ListField(child=serializers.DictField())
    event = serializers.ListField(
        child=serializers.DictField(), help_text="For each purpose, what was decided, and when."
    )
    policy_version = serializers.DictField(help_text="The exact text that was shown.")
    record = serializers.DictField(help_text="What is stored, with its own signature.")
    signature = serializers.CharField(help_text="Of all the rest, by a key of the site's.")
