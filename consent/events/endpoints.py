"""Where events may be sent: what an address has to be like, and which networks are public.

Whoever edits a tool chooses an address that this website's server connects to. So that nobody
reaches through it what only the server reaches, an address has to be a public one, unless
CONSENT_EVENTS_TRUSTED_HOSTS names its host. What counts is where the name leads at the moment of
connecting (see `consent.events.network`); what is said here of names is for the editor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from django.utils.translation import gettext

from consent.events.conf import conf
from consent.models import register_validator
from consent.recipes import Recipe

Address: TypeAlias = IPv4Address | IPv6Address

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PORTS = {"https": 443, "http": 80}
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            # Python's own list grew with its versions: these are said for all of them.
            # https://www.iana.org/assignments/iana-ipv4-special-registry/
            "100.64.0.0/10",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "240.0.0.0/4",
            # The host that serves Azure's virtual machines has a public address.
            # https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
            "168.63.129.16/32",
            # https://www.iana.org/assignments/iana-ipv6-special-registry/
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
            "fec0::/10",
        ),
    )
)
# What a network translates to an IPv4 address: the last 32 bits are that one (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")


class Endpoint(NamedTuple):
    """An address, taken apart. ``target``: path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def is_trusted(self) -> bool:
        """Whether the settings vouch for its host: it may be private, and plain http."""
        return self._is_among(conf.TRUSTED_HOSTS)

    @property
    def may_be_used(self) -> bool:
        """Whether the settings let events go there at all."""
        return conf.HOSTS is None or self._is_among(conf.HOSTS)

    def _is_among(self, hosts: Iterable[str]) -> bool:
        names = {name.lower() for name in hosts}
        return self.host in names or f"{self.host}:{self.port}" in names


class EndpointError(ValueError):
    """An address that no event is sent to. Says why, and does not repeat it: it may be a secret."""


def read(text: str) -> Endpoint:
    """Return ``text`` taken apart; raises EndpointError, for people, where it is not to be used."""
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise EndpointError(gettext("That is no address.")) from error
    if parts.scheme not in _PORTS or not host or not text.isascii() or re.search(r"[\s\\]", text):
        raise EndpointError(gettext("That is no address: it has to start with https://."))
    if parts.username is not None or parts.password is not None:
        raise EndpointError(
            gettext("A name or a password in front of the host is not sent: leave it out.")
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    endpoint = Endpoint(parts.scheme, host, port or _PORTS[parts.scheme], target)
    if not endpoint.is_trusted:
        _check_untrusted(endpoint)
    return endpoint


def problem_of(text: str) -> str:
    """Return why no event is sent to the address ``text``, as a sentence; "" where one can be."""
    try:
        read(text)
    except EndpointError as problem:
        return str(problem)
    return ""


def errors(recipe: Recipe, values: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong with the address among the parameters ``values`` of a tool."""
    problem = problem_of(str(values.get(recipe.endpoint, "")))
    return {recipe.endpoint: problem} if problem else {}


def register() -> None:
    """Have the addresses of server-side tools validated wherever their parameters are."""
    register_validator("server", errors)


def _check_untrusted(endpoint: Endpoint) -> None:
    if endpoint.scheme != "https":
        raise EndpointError(
            gettext("Start the address with https://: events are not sent unencrypted.")
        )
    literal = _literal(endpoint.host)
    if literal is not None and not is_public(literal):
        raise EndpointError(
            gettext(
                "The address %s is not public. Where it is your own, have your developers add it "
                "to CONSENT_EVENTS_TRUSTED_HOSTS."
            )
            % endpoint.host
        )
    if literal is None and not _HOST.fullmatch(endpoint.host):
        raise EndpointError(gettext("“%s” is no name of a host.") % endpoint.host)


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Say whether ``address`` is one of the public internet, and no other way to a private one.

    Not so are private and shared networks, loopback, link-local (where clouds keep their metadata),
    multicast, documentation, and what is reserved; nor IPv6 addresses that stand for such an IPv4.
    """
    if isinstance(address, IPv6Address):
        meant = address.ipv4_mapped or address.sixtofour or _translated(address)
        if meant is not None:
            return is_public(meant)
        if address.is_site_local:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _translated(address: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
