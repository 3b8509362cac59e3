"""POST an event to a receiver, and say what became of it."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import httpcore

from consent.events.endpoints import Endpoint
from consent.events.models import Reason
from consent.events.network import FailedError, Limits, PublicNetwork

# Seconds that a connection is kept for the next event.
_KEPT = 20

_GONE, _TOO_MANY = 410, 429
# The receiver, or what stands before it, is overloaded or down: others would not fare better.
_BUSY = (_TOO_MANY, 502, 503, 504)


class Answer(NamedTuple):
    """What became of an attempt. ``status``: what was answered; None where nothing was.

    ``reason``: what went wrong, "" where it arrived. ``after``: seconds that the receiver asks to
    wait. ``pauses``: whether others for the same receiver are to wait as well.
    """

    status: int | None
    reason: str = ""
    after: float | None = None
    pauses: bool = False


class Client:
    """Posts to receivers and keeps connections to them. For one thread."""

    def __init__(self) -> None:
        self._limits = Limits()
        self._pool = httpcore.ConnectionPool(
            # With the system's authorities, or those that SSL_CERT_FILE names.
            ssl_context=ssl.create_default_context(),
            keepalive_expiry=_KEPT,
            network_backend=PublicNetwork(self._limits),
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def post(self, endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body``, JSON, and say what became of it; never raises, follows no redirect."""
        self._limits.begin()
        try:
            return self._post(endpoint, body, headers)
        except FailedError as error:
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
        broken = (FailedError, httpcore.NetworkError, httpcore.ProtocolError)
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
