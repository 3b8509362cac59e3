"""What is stored: the policy that a site's owner edits, and the proof of what visitors decided."""

from consent.models.append_only import AppendOnlyError
from consent.models.category import Category, CategoryQuerySet
from consent.models.command_run import CommandRun, last_run, note_run
from consent.models.cookie import Cookie, CookieQuerySet
from consent.models.counter import Counter, CounterQuerySet, granted_in
from consent.models.parameters import parameter_errors, register_validator
from consent.models.policy import Policy, PolicyQuerySet
from consent.models.policy_version import PolicyVersion, PolicyVersionQuerySet
from consent.models.record import Record, RecordQuerySet
from consent.models.region_rule import USUAL_RULES, RegionRule
from consent.models.revision import Dated
from consent.models.sequence import SEQUENCES, OvertakenError, Sequence, SequenceQuerySet
from consent.models.times import day_of
from consent.models.tool import Tool, ToolQuerySet

__all__ = [
    "SEQUENCES",
    "USUAL_RULES",
    "AppendOnlyError",
    "Category",
    "CategoryQuerySet",
    "CommandRun",
    "Cookie",
    "CookieQuerySet",
    "Counter",
    "CounterQuerySet",
    "Dated",
    "OvertakenError",
    "Policy",
    "PolicyQuerySet",
    "PolicyVersion",
    "PolicyVersionQuerySet",
    "Record",
    "RecordQuerySet",
    "RegionRule",
    "Sequence",
    "SequenceQuerySet",
    "Tool",
    "ToolQuerySet",
    "day_of",
    "granted_in",
    "last_run",
    "note_run",
    "parameter_errors",
    "register_validator",
]
