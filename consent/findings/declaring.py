"""Declare what was found at a tool."""

from __future__ import annotations

from consent.findings.models import Finding
from consent.models import Cookie, Tool


def declaration(finding: Finding, tool: Tool) -> Cookie | Tool:
    """Return what has to be saved so that ``tool`` declares ``finding``.

    That is a cookie of the tool, or the tool with the host among its CSP sources. Raises
    ValidationError where the name cannot be declared, or where the tool has it already.
    """
    if finding.kind == Finding.Kind.HOST:
        line = f"{finding.directive or 'connect-src'} https://{finding.name}"
        tool.sources = "\n".join(filter(None, (tool.sources.strip(), line)))
        tool.full_clean()
        return tool
    cookie = Cookie(tool=tool, kind=finding.kind, name=finding.name)
    cookie.full_clean()
    return cookie
