"""A receiver of events on this machine: https by an authority of its own, and as bad as one likes.

It answers each request by what a test has put on its `answers`, else with 204, and keeps what it
was sent.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import trustme

HOST = "127.0.0.1"
# Seconds, far beyond what anything takes.
PATIENCE = 60


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The body, read."""
        found: dict[str, Any] = json.loads(self.body)
        return found


Answer = Callable[["Handler"], None]


@dataclass
class Receiver:
    """What a test knows of it: its ``address``, and a file with the ``authority`` behind that."""

    address: str
    authority: Path
    server: ThreadingHTTPServer
    received: deque[Received] = field(default_factory=deque)
    answers: deque[Answer] = field(default_factory=deque)
    # Done to each request, on top of its answer.
    observe: Callable[[Received], None] = lambda received: None
    connections: int = 0
    # Bytes of answers without an end that clients have taken.
    poured: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, number: int) -> None:
        """Wait until so many requests have come; raise TimeoutError where that takes too long."""
        with self.came:
            if not self.came.wait_for(lambda: len(self.received) >= number, PATIENCE):
                raise TimeoutError(f"{len(self.received)} requests came, not {number}.")

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.server_address[1])

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What it was sent, in the order in which that came."""
        return [each.message for each in list(self.received)]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # It may be left waiting for a request that never comes.
    timeout = 30
    receiver: ClassVar[Receiver]

    def setup(self) -> None:
        super().setup()
        self.receiver.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body)
        with self.receiver.came:
            self.receiver.received.append(received)
            self.receiver.came.notify_all()
        self.receiver.observe(received)
        try:
            answer = self.receiver.answers.popleft()
        except IndexError:
            answer = status(204)
        answer(self)

    def do_GET(self) -> None:
        """Be found by whoever follows a redirect."""
        self.receiver.received.append(Received(self.path, {}, b"null"))
        status(200)(self)

    def log_message(self, *arguments: Any) -> None:
        pass


def status(code: int, **headers: str) -> Answer:
    """Answer with ``code``; of ``headers``, underscores stand for hyphens."""

    def answer(handler: Handler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def stall(handler: Handler) -> None:
    """Answer nothing, until the test is over."""
    handler.receiver.released.wait(60)
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Answer with one byte of a head after the other, for ever."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
        while not handler.receiver.released.wait(0.01):
            handler.wfile.write(b"x")
    handler.close_connection = True


def pour(handler: Handler) -> None:
    """Take it, with an answer that has no end."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not handler.receiver.released.is_set():
            handler.wfile.write(b"x" * 16_384)
            handler.receiver.poured += 16_384
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """Die before a word of the answer."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def flood(handler: Handler) -> None:
    """Answer 200 with a head that has no end."""
    with contextlib.suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not handler.receiver.released.is_set():
            handler.wfile.write(b"X-Filler: " + b"x" * 4096 + b"\r\n")
    handler.close_connection = True


def nonsense(handler: Handler) -> None:
    """Answer with what is no HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    handler.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave in the middle are what it is for."""


@contextlib.contextmanager
def receiving(folder: Path, *, host: str = "hooks.test", secure: bool = True) -> Iterator[Receiver]:
    """Run a receiver that has a certificate for ``host`` and for this machine's address."""
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    handler = type("OneHandler", (Handler,), {})
    server = _Server((HOST, 0), handler)
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host, HOST).configure_cert(context)
        # In the connection's own thread: who never ends the handshake holds up nobody.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "https" if secure else "http"
    receiver = Receiver(f"{scheme}://{HOST}:{server.server_address[1]}/hook", file, server)
    handler.receiver = receiver
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
