"""The bodies of the API's answers."""

from __future__ import annotations

from rest_framework import serializers

from consent.models.legal_basis import LEGAL_BASES


def _languages() -> serializers.DictField:
    return serializers.DictField(
        child=serializers.CharField(),
        help_text="Name of a text to its language, if that is not the policy's `language`.",
    )


class CookieSerializer(serializers.Serializer[object]):
    """A cookie or storage key that a tool declares."""

    name = serializers.CharField(help_text="Name; * stands for a part that varies.")
    kind = serializers.ChoiceField(choices=("cookie", "storage"))
    party = serializers.ChoiceField(choices=("first", "third"))
    retention = serializers.CharField(allow_blank=True)
    purpose = serializers.CharField(allow_blank=True)
    languages = _languages()


class ToolSerializer(serializers.Serializer[object]):
    """A tool as the policy discloses it, without its configuration."""

    key = serializers.CharField()
    name = serializers.CharField()
    vendor = serializers.CharField(allow_blank=True)
    privacy_url = serializers.CharField(allow_blank=True)
    since = serializers.IntegerField(help_text="A grant at this revision or later covers it.")
    server = serializers.BooleanField(help_text="Whether data is sent from the site's server.")
    cookies = CookieSerializer(many=True)
    languages = _languages()


class CategorySerializer(serializers.Serializer[object]):
    """A category of the policy."""

    key = serializers.CharField()
    name = serializers.CharField()
    purpose = serializers.CharField()
    essential = serializers.BooleanField()
    sale = serializers.BooleanField(help_text="Whether its data is sold or shared.")
    since = serializers.IntegerField(help_text="A grant at this revision or later covers it all.")
    tools = ToolSerializer(many=True)
    languages = _languages()


class ControllerSerializer(serializers.Serializer[object]):
    """Who is responsible for the website's data; empty texts where it is not named."""

    name = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_blank=True)
    contact = serializers.CharField(allow_blank=True)
    languages = _languages()


class PolicySerializer(serializers.Serializer[object]):
    """The policy in the request's language."""

    language = serializers.CharField(help_text="The language of the texts; see `languages`.")
    languages = _languages()
    name = serializers.CharField()
    introduction = serializers.CharField(allow_blank=True)
    explanation = serializers.CharField(allow_blank=True)
    notice_text = serializers.CharField()
    policy_url = serializers.CharField()
    privacy_url = serializers.CharField(allow_blank=True)
    controller = ControllerSerializer()
    revision = serializers.IntegerField()
    regime = serializers.ChoiceField(
        choices=list(LEGAL_BASES),
        help_text="What applies before a choice; the strictest one if that depends on the region.",
    )
    lifetime_days = serializers.IntegerField()
    tool_choices = serializers.BooleanField(help_text="Whether single tools can be refused.")
    categories = CategorySerializer(many=True)


class PreferencesSerializer(serializers.Serializer[object]):
    """A visitor's choices, and their consequences."""

    decided = serializers.BooleanField()
    ask = serializers.BooleanField(help_text="Whether the visitor has to be asked (again).")
    revision = serializers.IntegerField(allow_null=True)
    decided_on = serializers.DateField(allow_null=True)
    expires_on = serializers.DateField(allow_null=True)
    choices = serializers.DictField(
        child=serializers.BooleanField(allow_null=True),
        help_text="Optional category key to true, false, or null if the visitor was not asked yet.",
    )
    refused_tools = serializers.ListField(
        child=serializers.CharField(),
        help_text="Keys of the tools that were refused in categories that were granted.",
    )
    opted_out = serializers.BooleanField(
        help_text="Whether tools are off because of the browser's opt-out signal."
    )
    overridden = serializers.BooleanField(
        help_text="Whether the browser sent several preference cookies that differ, as another "
        "host has set one: only essential tools run until they agree."
    )
    allowed = serializers.ListField(
        child=serializers.CharField(), help_text="Keys of the tools that may run."
    )


class StartSerializer(serializers.Serializer[object]):
    """An allowed tool's code, for a page that has not started it yet."""

    tool = serializers.CharField()
    placement = serializers.ChoiceField(choices=("head", "body", "manual"))
    html = serializers.CharField()


class StopSerializer(serializers.Serializer[object]):
    """Patterns of the names that tools which are not allowed may have stored, to delete or keep."""

    tools = serializers.ListField(child=serializers.CharField())
    cookies = serializers.ListField(child=serializers.CharField())
    storage = serializers.ListField(child=serializers.CharField())
    keep = serializers.ListField(child=serializers.CharField())


class OutcomeSerializer(PreferencesSerializer):
    """A visitor's choices, and what the page has to start and to clean up."""

    recorded = serializers.BooleanField(
        help_text="False if a refusal could not be recorded yet. It is in force; its record waits "
        "on the server."
    )
    receipt = serializers.UUIDField(
        allow_null=True,
        help_text="The number of the decision's receipt; null if nothing was written.",
    )
    start = StartSerializer(many=True)
    stop = StopSerializer()


class ReceiptSerializer(serializers.Serializer[object]):
    """The visitor's copy of a record, signed. Names after ISO/IEC TS 27560:2023."""

    schema_version = serializers.CharField()
    receipt_id = serializers.UUIDField()
    record_id = serializers.UUIDField()
    pii_principal_id = serializers.CharField(
        allow_blank=True,
        help_text="A hash of the subject cookie's value; empty for a refusal without that cookie.",
    )
    pii_processing = serializers.DictField(help_text="Purposes, and where they were disclosed.")
    party_identification = serializers.ListField(child=serializers.DictField())
    event = serializers.ListField(
        child=serializers.DictField(), help_text="For each purpose, what was decided, and when."
    )
    policy_version = serializers.DictField(help_text="The exact text that was shown.")
    record = serializers.DictField(help_text="The stored record, with its own signature.")
    signature = serializers.CharField(
        help_text="Signature of all other members, by a key of the site."
    )
