"""A receiver of events, as somebody else would run one: it checks each signature by itself.

Only the secret it need not be given by hand: this is one machine, and one database.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from django.db import connections

from consent.events import signatures
from consent.events.models import SigningSecret
from consent.models import Tool

HOST: Final = "127.0.0.1"
KEPT: Final = 20
LONGEST: Final = 1_000_000
ZAPIER_PATH: Final = "/hooks/catch/"


class Receiver(ThreadingHTTPServer):
    """Takes events by POST; by GET it tells which it got last, the newest first."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.got: deque[dict[str, Any]] = deque(maxlen=KEPT)

    @property
    def address(self) -> str:
        """Where events are to be sent."""
        return f"{self.origin}/events"

    @property
    def origin(self) -> str:
        """The address without a path; at Zapier's paths it stands in for Zapier."""
        return f"http://{HOST}:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    timeout = 10

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, LONGEST))
        is_zapier = self.path.startswith(ZAPIER_PATH)
        # Zapier checks no signature, and gets none: it knows its sender by the address alone.
        is_genuine = is_zapier or _is_genuine(self.headers, body)
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._answer(400)
            return
        self._keep(message, is_genuine, is_zapier)
        if is_zapier:
            self._answer(200, b'{"status": "success"}')
        else:
            self._answer(204 if is_genuine else 401)

    def _keep(self, message: dict[str, Any], is_genuine: bool, is_zapier: bool) -> None:
        """Keep an event, once: it may be sent again."""
        event = self.headers.get("webhook-id")
        if (event, is_zapier) not in {(each["id"], each["zapier"]) for each in self.server.got}:
            self.server.got.appendleft(
                {"id": event, "genuine": is_genuine, "zapier": is_zapier, "message": message}
            )

    def do_GET(self) -> None:
        self._answer(200, json.dumps(list(self.server.got)).encode())

    def log_message(self, *arguments: Any) -> None:
        """Leave the terminal to the website."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_genuine(headers: Any, body: bytes) -> bool:
    """Say whether one of the signatures is of one of the secrets, after Standard Webhooks."""
    signed = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}.".encode() + body
    found = headers.get("webhook-signature", "").split()
    return any(
        hmac.compare_digest(signature, f"v1,{b64encode(mac).decode()}")
        for secret in _secrets()
        for mac in [hmac.digest(secret, signed, "sha256")]
        for signature in found
    )


def _secrets() -> list[bytes]:
    try:
        tool = Tool.objects.filter(policy__is_default=True, key="webhooks").first()
        secrets = SigningSecret.objects.in_use(tool) if tool else []
        written = [signatures.written(secret.value) for secret in secrets]
    finally:
        # Each request has a thread of its own.
        connections.close_all()
    return [b64decode(text.removeprefix(signatures.PREFIX)) for text in written]


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver on a free port, unless one is named."""
    receiver = Receiver(port)
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()
