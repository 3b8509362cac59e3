"""A stand-in on this machine for Zapier's host, so that the demo's made-up address gets events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consent.events import endpoints
from consent.events.endpoints import Endpoint
from consent.events.http_client import Answer, Client

ZAPIER_HOST: Final = "hooks.zapier.com"


class StandInClient(Client):
    """Posts to ``address``, such as http://127.0.0.1:8001, whatever is for Zapier's host."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._stand_in = endpoints.read(address)

    def post(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Do what the app's own client does, with another host instead of Zapier's."""
        if endpoint.host == ZAPIER_HOST:
            endpoint = self._stand_in._replace(target=endpoint.target)
        return super().post(endpoint, body, headers)
