"""The one language in which all of the app's own texts are shown on a page.

A page may be in a language in which the app has no texts. Then all of them come in the language to
which Django falls back, so that a page mixes no words of both, and their elements say which it is.
"""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, override, pgettext


def texts_language() -> str:
    """Return the code of the language that the app's own texts come in, such as ``de``.

    It is the active language, or a variant of it is active; otherwise it is the language to which
    Django falls back. Every catalogue says by itself which language it is in, so this also holds
    for a catalogue that a site adds or replaces.
    """
    own = pgettext("code of the language of the consent texts", "en")
    active = get_language() or ""
    return active if active == own or active.startswith(f"{own}-") else own


def in_texts_language() -> override:
    """Return the context manager in which `texts_language` is the active language."""
    return override(texts_language())


def direction_of(language: str) -> str:
    """Return the value of ``dir`` for texts in ``language``: ``ltr`` or ``rtl``."""
    # Django's own `get_language_info` raises an error for a language that it has no name for.
    return "rtl" if language.split("-")[0] in settings.LANGUAGES_BIDI else "ltr"


def attributes_of(language: str) -> SafeString:
    """Return ``lang`` and ``dir`` for ``language`` as HTML attributes, after a space.

    Returns "" if it is none: a text whose language is not known, or is that of the text around it.
    """
    if not language:
        return SafeString("")
    return format_html(' lang="{}" dir="{}"', language, direction_of(language))


def marked(text: str, language: str) -> str:
    """Return ``text``, within an element that names its ``language`` if there is one."""
    return format_html("<span{}>{}</span>", attributes_of(language), text) if language else text


def attributes_of_texts() -> SafeString:
    """Return ``lang`` and ``dir`` of the app's own texts as HTML attributes, after a space.

    Returns "" if the page is in their language.
    """
    own = texts_language()
    return SafeString("") if own == get_language() else attributes_of(own)


def attributes_of_page() -> SafeString:
    """Return those of the page, for what is the site's own within the app's own texts."""
    active = get_language()
    return attributes_of(active) if active and attributes_of_texts() else SafeString("")


def gettext(message: str) -> str:
    """Return the translation of one of the app's own texts in `texts_language`."""
    with in_texts_language():
        return translation.gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the translation that `gettext` would, in the form that ``number`` needs."""
    with in_texts_language():
        return translation.ngettext(singular, plural, number)


def npgettext(context: str, singular: str, plural: str, number: int) -> str:
    """Return the translation that `ngettext` would, for this context."""
    with in_texts_language():
        return translation.npgettext(context, singular, plural, number)


gettext_lazy = lazy(gettext, str)
"""`gettext`, done only when the text is used."""
