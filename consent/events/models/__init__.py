"""The tables of the outbox: deliveries of events, and the secrets that sign them."""

from consent.events.models.deliveries import ID_PREFIX, NAME_LENGTH, Delivery, DeliveryQuerySet
from consent.events.models.signing_secrets import OVERLAPS, SigningSecret, SigningSecretQuerySet
from consent.events.models.states import Reason, State

__all__ = [
    "ID_PREFIX",
    "NAME_LENGTH",
    "OVERLAPS",
    "Delivery",
    "DeliveryQuerySet",
    "Reason",
    "SigningSecret",
    "SigningSecretQuerySet",
    "State",
]
