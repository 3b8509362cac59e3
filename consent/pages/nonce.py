"""The CSP nonce of a page, used only where the website's policy has one.

Reading a nonce creates it, and django-csp before 4.0 then adds it to the policy. Browsers ignore
``'unsafe-inline'`` beside a nonce, so all of the website's inline scripts would stop.
https://www.w3.org/TR/CSP3/#allow-all-inline
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import LazyObject

_DJANGO = ("SECURE_CSP", "SECURE_CSP_REPORT_ONLY")
_DJANGO_CSP_4 = ("CONTENT_SECURITY_POLICY", "CONTENT_SECURITY_POLICY_REPORT_ONLY")
# What Django and django-csp 4 have in a policy in the place of the nonce.
_PLACEHOLDERS = ("<CSP_NONCE_SENTINEL>", "csp.constants.NONCE")
_UNSAFE_INLINE = "'unsafe-inline'"


def nonce_of(request: HttpRequest | None) -> str:
    """Return the CSP nonce of ``request``, escaped for an attribute; "" if it has none.

    Django 6.0 keeps it in ``_csp_nonce``, django-csp in ``csp_nonce``. One that was not read yet is
    read only if the settings say that scripts are allowed by it.
    """
    for name, wants_nonce in (("_csp_nonce", _django_wants), ("csp_nonce", _django_csp_wants)):
        nonce = getattr(request, name, None)
        if nonce is not None and (_is_created(nonce) or wants_nonce()):
            return escape(str(nonce))
    return ""


def _is_created(nonce: object) -> bool:
    """Say whether ``nonce`` was read before. Django's own is true then; others become a string."""
    kind = type(nonce)
    if not issubclass(kind, LazyObject):
        return True
    # An object whose truth would be that of the nonce itself creates it.
    return "__bool__" in kind.__dict__ and bool(nonce)


def _django_wants() -> bool:
    policies = [policy for name in _DJANGO if (policy := getattr(settings, name, None))]
    # Without any, a view sets its own, and the nonce does not change it.
    return not policies or any(_has_placeholder(policy) for policy in policies)


def _django_csp_wants() -> bool:
    policies = [getattr(settings, name, None) for name in _DJANGO_CSP_4]
    if any(policy is not None for policy in policies):
        return any(policy and _has_placeholder(policy.get("DIRECTIVES", {})) for policy in policies)
    return _before_4_wants()


def _before_4_wants() -> bool:
    """Say whether a nonce may be added to the directives that django-csp before 4.0 adds it to."""
    named = getattr(settings, "CSP_INCLUDE_NONCE_IN", ["default-src"])
    scripts = "script-src" if getattr(settings, "CSP_SCRIPT_SRC", None) else "default-src"
    sources = (getattr(settings, f"CSP_{_setting(directive)}", None) for directive in named)
    return scripts in named and not any(_UNSAFE_INLINE in _words(each) for each in sources)


def _setting(directive: str) -> str:
    return directive.upper().replace("-", "_")


def _has_placeholder(directives: Mapping[str, object]) -> bool:
    words = (word for sources in directives.values() for word in _words(sources))
    return any(str(word) in _PLACEHOLDERS or repr(word) in _PLACEHOLDERS for word in words)


def _words(sources: object) -> Iterator[object]:
    if isinstance(sources, str) or not isinstance(sources, Iterable):
        return iter((sources,))
    return iter(sources)
