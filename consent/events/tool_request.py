"""The request for an event of one tool: its address, its headers and its signature."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from consent.events import endpoints, signatures
from consent.events.endpoints import Endpoint
from consent.events.models import Delivery, Reason, SigningSecret
from consent.models import Tool, parameter_errors
from consent.models.signing import UnknownKeyError

if TYPE_CHECKING:
    from consent.events.http_client import Answer, Client

logger = logging.getLogger("consent")

Send: TypeAlias = "Callable[[Delivery], Answer]"


class UnusableToolError(Exception):
    """Nothing can be sent to a tool by its present settings. ``reason``: of `Reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ForbiddenHostError(Exception):
    """CONSENT_EVENTS_HOSTS does not contain the host of a tool."""


def sender(client: Client, tool: Tool) -> Send:
    """Return a function that sends a delivery to ``tool``.

    Raises UnusableToolError where nothing can be sent, and ForbiddenHostError where nothing may be.
    """
    endpoint, secrets, more = _endpoint(tool), _secrets(tool), _authorization(tool)

    def send(delivery: Delivery) -> Answer:
        body = delivery.body.encode()
        now = int(time.time())
        headers = signatures.headers(delivery.message_id, now, body, secrets)
        return client.post(endpoint, body, {**headers, **more})

    return send


def _endpoint(tool: Tool) -> Endpoint:
    recipe, values = tool.get_recipe(), tool.parameters
    if (
        recipe is None
        or not recipe.endpoint
        or not isinstance(values, dict)
        or parameter_errors(recipe, values)
    ):
        raise UnusableToolError(Reason.UNFIT)
    # A valid address can be parsed.
    endpoint = endpoints.read(values[recipe.endpoint])
    if not endpoint.may_be_used:
        raise ForbiddenHostError
    return endpoint


def _authorization(tool: Tool) -> Mapping[str, str]:
    recipe = tool.get_recipe()
    value = tool.parameters.get(recipe.authorization, "") if recipe else ""
    return {"Authorization": value} if value else {}


def _secrets(tool: Tool) -> list[bytes]:
    recipe = tool.get_recipe()
    if recipe is None or not recipe.signed:
        return []
    found = []
    for secret in SigningSecret.objects.active(tool):
        try:
            found.append(secret.value)
        except UnknownKeyError:
            logger.error("The key of a signing secret of the tool %s is gone.", tool.key)
    if not found:
        raise UnusableToolError(Reason.NO_KEY)
    return found
