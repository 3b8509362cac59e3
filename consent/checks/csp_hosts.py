"""A check of the hosts that tools add to the website's Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Info

from consent.models import Policy, Tool
from consent.policy import compile_tool

# Anybody may put scripts there, or has them answer with a script of their own. Such hosts are
# collected in https://github.com/google/csp-evaluator (allowlist_bypasses).
_BYPASSES = (
    "ajax.googleapis.com",
    "cdn.jsdelivr.net",
    "cdnjs.cloudflare.com",
    "unpkg.com",
    "www.google.com",
    "www.googletagmanager.com",
    "www.gstatic.com",
    "www.youtube.com",
)


def bypassing_hosts() -> Iterator[CheckMessage]:
    """consent.I026: a tool adds a host to script-src that is known as a way round a policy."""
    tools = Tool.objects.filter(category__policy__in=Policy.objects.in_use(), enabled=True)
    for tool in tools.select_related("category").order_by("pk"):
        sources = compile_tool(tool, tool.category).sources.get("script-src", ())
        if found := known_bypasses(sources):
            yield Info(
                f"The tool {tool.key} adds hosts to script-src from which anybody can load a "
                f"script of their own: {', '.join(found)}.",
                hint="Allow scripts by a nonce instead: see docs/csp.md.",
                id="consent.I026",
            )


def known_bypasses(sources: Iterable[str]) -> list[str]:
    """Return those of the CSP ``sources`` that allow any script of a host that is a known bypass.

    A source with a path allows only what is below it.
    """
    return [source for source in sources if any(_allows_all(source, host) for host in _BYPASSES)]


def _allows_all(source: str, host: str) -> bool:
    parts = urlsplit(source)
    wildcard = parts.netloc.startswith("*.") and host.endswith(parts.netloc[1:])
    return parts.path in ("", "/") and (parts.netloc == host or wildcard)
