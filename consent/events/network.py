"""Connections to receivers: to public addresses only, and bounded in time and size.

httpcore, as its network backend is a public place to say what a name may lead to: the address
that is checked is the one that is connected to, so that a name server which answers differently
the second time gains nothing.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore

from consent.events.conf import conf
from consent.events.endpoints import Endpoint, is_public
from consent.events.models import Reason

# Bytes of an answer, head included, that are read; the rest, and the connection, are given up.
MAX_ANSWER = 64 * 1024
# Bytes that are written before the time is looked at again.
_CHUNK = 16 * 1024


class FailedError(Exception):
    """An attempt failed for a reason that httpcore has no exception for."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Limits:
    """What is left of one attempt's time and of its answer's size."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start anew, for another attempt."""
        self._ends = time.monotonic() + conf.TIMEOUT
        self._bytes = MAX_ANSWER

    @property
    def seconds(self) -> float:
        """Seconds that are left. Raises FailedError where none are."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise FailedError(Reason.TIMEOUT)
        return left

    def count(self, number: int) -> None:
        """Count bytes of the answer. Raises FailedError where they are too many."""
        self._bytes -= number
        if self._bytes < 0:
            raise FailedError(Reason.NO_ANSWER)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the limits, whatever a library thinks of each step's time.

    What is written is sent when an answer is read: head and body, which come one by one, in one go.
    """

    def __init__(self, stream: httpcore.NetworkStream, limits: Limits) -> None:
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
                raise FailedError(Reason.TLS) from error
            raise
        return _Stream(secured, self._limits)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class PublicNetwork(httpcore.NetworkBackend):
    """Connects to public addresses, and to hosts that the settings vouch for."""

    def __init__(self, limits: Limits) -> None:
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
        """Connect to the first address of ``host`` that answers. Raises FailedError if none may."""
        failure: Exception = FailedError(Reason.NO_HOST)
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
    """Return the addresses of ``host`` that may be connected to. Raises FailedError if none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FailedError(Reason.NO_HOST) from error
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if Endpoint("", host, port, "").is_trusted:
        return addresses
    public = [address for address in addresses if is_public(ip_address(address))]
    if not public:
        raise FailedError(Reason.NOT_PUBLIC)
    return public
