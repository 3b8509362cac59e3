"""The visitor's own copy of a record: a receipt, as signed JSON.

Fields are named after ISO/IEC TS 27560:2023, 6.3 and 6.4 (header, PII processing, party
identification, events), in the spelling of W3C's guide to it:
https://w3c.github.io/dpv/guides/consent-27560. docs/records.md says which of them are used.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse

from consent.models import Record, signing
from consent.models.primary import primary
from consent.proof.identifiers import subject_of

SCHEMA = "ISO/IEC TS 27560:2023"
# Receipts that a visitor gets at once; nobody chooses so often.
MOST = 100

_SIGNED = "receipt"


def own_records(secret: str, account: str) -> Sequence[Record]:
    """Return the latest records of one visitor, newest first.

    Those of ``account``, the primary key of who is signed in under login sync; else those of the
    browser whose subject's cookie holds ``secret``. Either may be "".
    """
    if not (account or secret):
        return []
    whose = {"user": account} if account else {"subject": subject_of(secret)}
    found = primary(Record).filter(**whose).select_related("version")[:MOST]
    # Some databases do not tell "a" from "A".
    return [record for record in found if _is_own(record, secret, account)]


def own_record(secret: str, account: str, receipt: UUID) -> Record | None:
    """Return the record with that receipt, where it is the visitor's own; else None.

    ``secret`` and ``account`` are those of `own_records`. A refusal that names nobody is
    returned to everybody who knows its receipt, because no cookie identifies its visitor.
    """
    record: Record | None = (
        primary(Record).filter(receipt=receipt).select_related("version").first()
    )
    if record is None:
        return None
    names_nobody = record.subject is None and not record.user and record.erased_at is None
    return record if names_nobody or _is_own(record, secret, account) else None


def _is_own(record: Record, secret: str, account: str) -> bool:
    if account and record.user == account:
        return True
    if not secret or record.subject is None:
        return False
    return hmac.compare_digest(record.subject.bytes, subject_of(secret).bytes)


def receipt(record: Record, site: str) -> dict[str, object]:
    """Return the signed receipt of ``record``; ``site``: scheme and host, such as https://a.example.

    `verify` tells a genuine one from any other.
    """
    content = {
        "schema_version": SCHEMA,
        "receipt_id": str(record.receipt),
        "record_id": str(record.receipt),
        "pii_principal_id": str(record.subject or ""),
        "pii_processing": _processing(record, site),
        "party_identification": _parties(record, site),
        "event": _events(record),
        "policy_version": {"digest": record.version.digest, "content": record.version.shown},
        "record": {**record.signed(record.version.digest), "signature": record.signature},
    }
    return {**content, "signature": signing.sign(_SIGNED, content)}


def verify(document: dict[str, object]) -> signing.Verdict:
    """Say whether ``document`` is a receipt that this site issued, unaltered."""
    content = {name: value for name, value in document.items() if name != "signature"}
    return signing.verify(_SIGNED, content, str(document.get("signature", "")))


def _processing(record: Record, site: str) -> dict[str, object]:
    shown = record.version.shown
    return {
        "privacy_notice": _absolute(shown["policy"]["policy_url"], site),
        "language": record.version.language,
        "purposes": [
            {
                "purpose": category["name"],
                "purpose_description": category["purpose"],
                "purpose_type": category["key"],
                "lawful_basis": "consent",
                "collection_method": "website",
                "recipient_third_parties": [tool["key"] for tool in _tools(record, category)],
                "withdrawal_method": site + reverse("consent:preferences"),
            }
            for category in shown["categories"]
            if category["key"] in record.choices
        ],
    }


def _parties(record: Record, site: str) -> list[dict[str, object]]:
    asked = [c for c in record.version.shown["categories"] if c["key"] in record.choices]
    return [
        _controller(record, site),
        *(
            {
                "party_id": tool["key"],
                "party_role": "third party",
                "party_name": tool["vendor"] or tool["name"],
                "party_url": tool["privacy_url"],
            }
            for category in asked
            for tool in _tools(record, category)
        ),
    ]


def _controller(record: Record, site: str) -> dict[str, object]:
    """Return the controller as the visitor was shown it: what was left empty is left out."""
    shown = record.version.shown["policy"].get("controller", {})
    texts = {name: text for name, text in shown.items() if name != "languages"}
    known = {f"party_{name}": texts[name] for name in sorted(texts) if texts[name]}
    return {
        "party_id": "controller",
        "party_role": "PII controller",
        **known,
        "party_url": site,
    }


def _tools(record: Record, category: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tools of ``category`` that were not refused one by one."""
    return [tool for tool in category["tools"] if tool["key"] not in record.choices]


def _events(record: Record) -> list[dict[str, Any]]:
    """Return one event a purpose, and one a tool refused: each was decided on by itself."""
    time = record.signed("")["decided_at"]
    return [
        {
            "event_time": time,
            "event_type": "explicit",
            "event_state": "consent given" if granted else _refused(record),
            "purpose_type": key,
            "validity_duration": f"P{record.version.shown['policy']['lifetime_days']}D",
            "entity_id": str(record.subject or ""),
        }
        for key, granted in record.choices.items()
    ]


def _refused(record: Record) -> str:
    withdrawn = record.action == Record.Action.WITHDRAWN
    return "consent withdrawn" if withdrawn else "consent refused"


def _absolute(address: str, site: str) -> str:
    return site + address if address.startswith("/") else address
