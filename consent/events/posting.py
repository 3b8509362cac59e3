"""The way to a receiver: one POST, checked where it connects, bounded in time and size.

httpcore, as its network backend is a public place to say what a name may lead to: the address
that is checked is the one that is connected to, so that a name server which answers differently
the second time gains nothing.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any, NamedTuple

import httpcore

from consent.conf import conf
from consent.events.endpoints import Endpoint, is_public
from consent.models import Delivery

# Bytes of an answer, head included, that are read; the rest, and the connection, are given up.
MAX_ANSWER = 64 * 1024
# Bytes that are written before the time is looked at again.
_CHUNK = 16 * 1024
# Seconds that a connection is kept for the next event.
_KEPT = 20

_GONE, _TOO_MANY = 410, 429
# The receiver, or what stands before it, is overloaded or down: others would not fare better.
_BUSY = (_TOO_MANY, 502, 503, 504)

Reason = Delivery.Reason


class Answer(NamedTuple):
    """What became of an attempt. ``status``: what was answered; None where nothing was.

    ``reason``: what went wrong, "" where it arrived. ``after``: seconds that the receiver asks to
    wait. ``pauses``: whether others for the same receiver are to wait as well.
    """

    status: int | None
    reason: str = ""
    after: float | None = None
    pauses: bool = False


class _FailedError(Exception):
    """An attempt failed for a reason that httpcore has no exception for."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Limits:
    """What is left of one attempt's time and of its answer's size."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._ends = time.monotonic() + conf.EVENTS_TIMEOUT
        self._bytes = MAX_ANSWER

    @property
    def seconds(self) -> float:
        """Seconds that are left. Raises _FailedError where none are."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise _FailedError(Reason.TIMEOUT)
        return left

    def count(self, number: int) -> None:
        """Count bytes of the answer. Raises _FailedError where they are too many."""
        self._bytes -= number
        if self._bytes < 0:
            raise _FailedError(Reason.NO_ANSWER)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the limits, whatever a library thinks of each step's time.

    What is written is sent when an answer is read: head and body, which come one by one, in one go.
    """

    def __init__(self, stream: httpcore.NetworkStream, limits: _Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._unsent: list[bytes] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # Who refuses without reading on may still have answered; httpcore thinks so, too.
        with suppress(httpcore.WriteError):
            self._send()
        data = self._stream.read(max_bytes, self._limits.seconds)
        self._limits.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent.append(buffer)

    def _send(self) -> None:
        if not self._unsent:
            return
        buffer = b"".join(self._unsent)
        self._unsent.clear()
        for start in range(0, len(buffer), _CHUNK):
            self._stream.write(buffer[start : start + _CHUNK], self._limits.seconds)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            secured = self._stream.start_tls(ssl_context, server_hostname, self._limits.seconds)
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise _FailedError(Reason.TLS) from error
            raise
        return _Stream(secured, self._limits)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    """Connects to public addresses, and to hosts that the settings vouch for."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = _FailedError(Reason.NO_HOST)
        for address in _addresses(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, self._limits.seconds, local_address, socket_options
                )
            except httpcore.ConnectError as error:
                failure = error
            else:
                return _Stream(stream, self._limits)
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` that may be connected to. Raises _FailedError if none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _FailedError(Reason.NO_HOST) from error
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if Endpoint("", host, port, "").is_trusted:
        return addresses
    public = [address for address in addresses if is_public(ip_address(address))]
    if not public:
        raise _FailedError(Reason.NOT_PUBLIC)
    return public


class Client:
    """Posts to receivers and keeps connections to them. For one thread."""

    def __init__(self) -> None:
        self._limits = _Limits()
        self._pool = httpcore.ConnectionPool(
            # With the system's authorities, or those that SSL_CERT_FILE names.
            ssl_context=ssl.create_default_context(),
            keepalive_expiry=_KEPT,
            network_backend=_Network(self._limits),
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def post(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body``, JSON, and say what became of it; never raises, follows no redirect."""
        self._limits.begin()
        try:
            return self._post(endpoint, body, headers)
        except _FailedError as error:
            failed: str = error.reason
        except httpcore.TimeoutException:
            failed = Reason.TIMEOUT
        except (httpcore.ConnectError, OSError):
            failed = Reason.UNREACHABLE
        except (httpcore.NetworkError, httpcore.ProtocolError):
            failed = Reason.NO_ANSWER
        return Answer(None, failed, pauses=True)

    def _post(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> Answer:
        request = {**headers, "Content-Type": "application/json", "User-Agent": "consent"}
        with self._pool.stream(
            "POST",
            _url(endpoint),
            headers=[(name.encode(), value.encode()) for name, value in request.items()],
            content=body,
        ) as response:
            answer = _answer(response.status, _retry_after(response.headers))
            self._read_off(response.iter_stream())
        return answer

    @staticmethod
    def _read_off(pieces: Iterator[bytes]) -> None:
        """Read the rest, so that the connection can be used again; what counts was said before."""
        broken = (_FailedError, httpcore.NetworkError, httpcore.ProtocolError)
        with suppress(*broken, httpcore.TimeoutException):
            for _ in pieces:
                pass


def _url(endpoint: Endpoint) -> httpcore.URL:
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return httpcore.URL(
        scheme=endpoint.scheme.encode(),
        host=host.encode(),
        port=endpoint.port,
        target=endpoint.target.encode(),
    )


def _answer(status: int, after: float | None) -> Answer:
    if 200 <= status < 300:
        return Answer(status)
    if status == _GONE:
        return Answer(status, Reason.GONE)
    if 300 <= status < 400:
        return Answer(status, Reason.REDIRECT)
    return Answer(status, Reason.REFUSED, after, pauses=status in _BUSY or after is not None)


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Return the seconds of Retry-After, a number or a date; None where there is none.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    text = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    value = text.decode("ascii", "replace").strip()
    if value.isdigit():
        return _bounded(float(value[:9]))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _bounded((moment - datetime.now(UTC)).total_seconds())


def _bounded(seconds: float) -> float:
    """Return ``seconds``, neither at once nor later than a day: a receiver decides no more."""
    return min(max(seconds, 1.0), 86_400.0)
