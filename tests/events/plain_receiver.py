"""A receiver that costs little: it takes whatever comes, answers 204, and notes when which came.

For load, where `tests.receiver` would be what everybody waits for. https, by one thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trustme

HOST = "127.0.0.1"
PATIENCE = 120

_END = b"\r\n\r\n"
_LENGTH, _ID = b"\r\ncontent-length: ", b"\r\nwebhook-id: "
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass
class PlainReceiver:
    """What is known of it: its ``address``, a file with the ``authority`` behind that, and what
    came: the ids and the bodies, in this order, and when, by `time.monotonic`, the first and the
    last did.
    """

    address: str
    authority: Path
    keeps: bool
    ids: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    number: int = 0
    began_at: float = 0.0
    ended_at: float = 0.0
    _wanted: float = float("inf")
    _came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, number: int) -> None:
        """Wait until so many requests have come; raise TimeoutError where that takes too long."""
        with self._came:
            self._wanted = number
            if not self._came.wait_for(lambda: self.number >= number, PATIENCE):
                raise TimeoutError(f"{self.number} requests came, not {number}.")

    def note(self, head: bytes, body: bytes) -> None:
        """Note a request."""
        self.ended_at = time.monotonic()
        if not self.number:
            self.began_at = self.ended_at
        self.number += 1
        if self.keeps:
            self.ids.append(_value(head, _ID).decode())
            self.bodies.append(body)
        if self.number >= self._wanted:
            with self._came:
                self._wanted = float("inf")
                self._came.notify_all()

    def forget(self) -> None:
        """Begin to count anew."""
        self.ids.clear()
        self.bodies.clear()
        self.number = 0


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: PlainReceiver) -> None:
        self._receiver = receiver
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(_END)) >= 0:
            head = self._data[:end].lower() + b"\r\n"
            body, begin = int(_value(head, _LENGTH)), end + len(_END)
            if len(self._data) < begin + body:
                return
            self._receiver.note(head, self._data[begin : begin + body])
            self._data = self._data[begin + body :]
            assert self._transport is not None
            self._transport.write(_ANSWER)


def _value(head: bytes, name: bytes) -> bytes:
    _, _, rest = head.partition(name)
    return rest.partition(b"\r\n")[0] or b"0"


@contextlib.contextmanager
def receiving_much(folder: Path, *, keeps: bool = True) -> Iterator[PlainReceiver]:
    """Run one in a thread. ``keeps``: whether to keep ids and bodies, beside their number."""
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    loop = asyncio.new_event_loop()
    # A client that is killed leaves in the middle: nothing to tell anybody.
    loop.set_exception_handler(lambda loop, problem: None)
    receiver = PlainReceiver("", file, keeps)
    server = loop.run_until_complete(
        loop.create_server(lambda: _Connection(receiver), HOST, 0, ssl=context, backlog=128)
    )
    receiver.address = f"https://{HOST}:{server.sockets[0].getsockname()[1]}/hook"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
