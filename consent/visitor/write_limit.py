"""How many decisions one client may have stored within a time: CONSENT_THROTTLE_RATE.

The numbers are kept in the process. A refusal must get through while every cache and database
hangs, and a client that varies the headers of its requests must not evade the limit.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

from consent.conf import conf

# Clients whose numbers are kept; the one that wrote longest ago is forgotten first.
MOST_CLIENTS = 10_000

# Bits of an IPv6 address that name the network of a home or a server.
_CLIENTS_PREFIX = 64

# Some proxies write the port behind the address.
_WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([0-9.]+))(?::[0-9]+)?")

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

# Client to the end of its period, by the monotonic clock, and its number of decisions.
_clients: OrderedDict[str, tuple[float, int]] = OrderedDict()
_lock = threading.Lock()


def seconds_to_wait(request: HttpRequest | None) -> int:
    """Count one decision of the client, and return the seconds until it may be stored.

    0: it may be stored now. The limit is one for all ways of writing, in each process.
    """
    if request is None or conf.THROTTLE_RATE is None:
        return 0
    most, _, period = conf.THROTTLE_RATE.partition("/")
    now, client = time.monotonic(), client_of(request)
    with _lock:
        end, number = _clients.pop(client, (0.0, 0))
        if end <= now:
            end, number = now + _SECONDS[period[0]], 0
        _clients[client] = (end, number + 1)
        if len(_clients) > MOST_CLIENTS:
            _clients.popitem(last=False)
    return 0 if number < int(most) else int(end - now) + 1


def client_of(request: HttpRequest) -> str:
    """Return the client's address, as far as nobody but a proxy of the website can have written it.

    REST framework's NUM_PROXIES says how many of the last addresses in ``X-Forwarded-For`` the
    website's own proxies wrote. Without it, the last one counts where the connection comes from a
    private address, which is a proxy; else only the connection's own.
    """
    remote: str = request.META.get("REMOTE_ADDR", "")
    forwarded: list[str] = [
        part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    ]
    # Not through REST framework, which pages need not load.
    proxies: int | None = getattr(settings, "REST_FRAMEWORK", {}).get("NUM_PROXIES")
    if proxies is None:
        proxies = 0 if _is_global(remote) else 1
    if not proxies or not forwarded[-1]:
        return _network(remote)
    return _network(forwarded[-min(proxies, len(forwarded))])


def forget() -> None:
    """Forget all clients' numbers."""
    with _lock:
        _clients.clear()


def _network(text: str) -> str:
    """Return the address without a port; of IPv6 the network of which one client has all addresses.

    https://www.rfc-editor.org/rfc/rfc6177
    """
    match = _WITH_PORT.fullmatch(text)
    bare = (match[1] or match[2]) if match else text
    try:
        address = ip_address(bare)
    except ValueError:
        return bare
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or ip_network((address, _CLIENTS_PREFIX), strict=False))


def _is_global(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        # A UNIX socket has no address: a proxy of this machine.
        return False
