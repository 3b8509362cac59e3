"""The page on which a policy's texts are translated, language by language."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, override
from django.utils.translation import gettext_lazy as _

from consent.admin.base import NOTHING, Context, SectionAdmin, tell
from consent.admin.translation_form import SHOWN, Line, TranslationForm, field_name
from consent.admin.translation_rows import (
    OPEN,
    PolicyTexts,
    Row,
    count,
    counts,
    languages_for,
)
from consent.models import Policy
from consent.models.texts_language import direction_of

LANGUAGE_VAR, PAGE_VAR, OPEN_VAR = "language", "page", "open"
PER_PAGE = 100
# With more languages than these, only those in which there is something are listed with figures.
MOST_LANGUAGES = 12
URL = "consent_policy_translations"


class TranslatedPolicyAdmin(SectionAdmin[Policy]):
    """The part of the section of policies that translates their texts."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page for translations."""
        view = self.admin_site.admin_view(self.translations_view)
        return [path("<path:object_id>/translations/", view, name=URL), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Link the page for translations."""
        policy = context.get("original")
        if policy is not None and self.has_change_permission(request, policy):
            context["page_links"] = [(_("Translations"), address_of(policy))]
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("Translations"))
    def translated(self, policy: Policy) -> SafeString | str:
        """How far the translation into each language is that was begun."""
        if policy.pk is None:
            return NOTHING
        texts = PolicyTexts(policy)
        figures = (
            (address_of(policy, each.language), name_of(each.language), each.words)
            for each in counts(texts, texts.begun)
        )
        return format_html_join("", '<div><a href="{}">{}</a>: {}</div>', figures) or NOTHING

    def translations_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show or save the texts in the ``language`` of the address; without it, choose one."""
        policy = self.get_object(request, unquote(object_id))
        if not self.has_change_permission(request, policy):
            raise PermissionDenied
        if policy is None:
            raise Http404
        language = request.GET.get(LANGUAGE_VAR, "")
        if language and language not in languages_for(policy):
            raise BadRequest("The website has no such language; see its setting LANGUAGES.")
        if request.method == "POST" and language:
            return self._save(request, policy, language)
        return self._page(request, policy, language)

    def _save(self, request: HttpRequest, policy: Policy, language: str) -> HttpResponse:
        with transaction.atomic():
            # A write that changes nothing locks the policy on every database: who edits a source
            # text meanwhile waits.
            Policy.objects.filter(pk=policy.pk).update(changed_at=F("changed_at"))
            policy.refresh_from_db()
            rows = PolicyTexts(policy).rows(language)
            posted = [row for row in rows if _is_posted(request, row) and may_edit(request, row)]
            form = TranslationForm(posted, request.POST)
            if not form.is_valid():
                return self._page(request, policy, language, form)
            number = self._store(request, form, language)
        text = ngettext("%d translation was saved.", "%d translations were saved.", number)
        tell(request, messages.SUCCESS, text % number)
        return HttpResponseRedirect(request.get_full_path())

    def _store(self, request: HttpRequest, form: TranslationForm, language: str) -> int:
        changed = list(form.changes())
        for part, pairs in groupby(changed, key=lambda pair: pair[0].part_of):
            words = []
            for row, text in pairs:
                words.append(_history(row, text))
                row.owner.translate(language, row.name, text)
                row.owner.save(update_fields=["translations"])
            self.log_change(request, part, [{"changed": {"fields": words}}])
        return len(changed)

    def _page(
        self,
        request: HttpRequest,
        policy: Policy,
        language: str,
        form: TranslationForm | None = None,
    ) -> HttpResponse:
        texts = PolicyTexts(policy)
        context: Context = {
            "title": gettext("Translations"),
            "policy": policy,
            "direction": direction_of(policy.language),
            "choices": [(code, name_of(code)) for code in languages_for(policy)],
            "figures": _figures(texts),
            "language": language,
            **(_form_context(request, texts, language, form) if language else {}),
        }
        return self.page(request, "admin/consent/policy/translations.html", context, policy)


def _form_context(
    request: HttpRequest, texts: PolicyTexts, language: str, form: TranslationForm | None
) -> Context:
    rows = texts.rows(language)
    is_open = OPEN_VAR in request.GET
    visible = [row for row in rows if may_view(request, row)]
    shown = [row for row in visible if row.state in OPEN] if is_open else visible
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get(PAGE_VAR))
    on_page: list[Row] = list(page) if form is None else list(form.rows.values())
    if form is None:
        form = TranslationForm([row for row in on_page if may_edit(request, row)])
    return {
        "form": form,
        "parts": _parts(map(form.line, on_page)),
        "language_name": name_of(language),
        "count": count(language, rows),
        "is_open": is_open,
        "paginator_page": page,
    }


def _is_posted(request: HttpRequest, row: Row) -> bool:
    return field_name(row) + SHOWN in request.POST


def _parts(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    """Return the lines below the name of the policy, category or tool that they are of."""
    grouped = groupby(lines, key=lambda line: line.row.part_of)
    return [
        (f"{capfirst(str(part._meta.verbose_name))}: {part}", list(found))
        for part, found in grouped
    ]


def _history(row: Row, text: str) -> str:
    """Return the old and the new translation, as an entry of the history."""
    # In English, as all words of the history.
    with override(None):
        label = row.label
    return f"{label} ({row.language}): “{row.value or NOTHING}” → “{text or NOTHING}”"


def may_edit(request: HttpRequest, row: Row) -> bool:
    """Say whether the user may translate ``row``: who may change what has the text."""
    return _may(request, row, "change")


def may_view(request: HttpRequest, row: Row) -> bool:
    """Say whether the user may see ``row``."""
    return _may(request, row, "view") or _may(request, row, "change")


def _may(request: HttpRequest, row: Row, action: str) -> bool:
    return request.user.has_perm(f"consent.{action}_{row.part_of._meta.model_name}")


def address_of(policy: Policy, language: str = "") -> str:
    """Return the address of the page; with a ``language``, of its texts."""
    address = reverse(f"admin:{URL}", args=[policy.pk])
    return f"{address}?{urlencode({LANGUAGE_VAR: language})}" if language else address


def name_of(language: str) -> str:
    """Return the name of a language with its code."""
    name = dict(settings.LANGUAGES).get(language, "")
    return f"{gettext(name)} ({language})" if name else language


def _figures(texts: PolicyTexts) -> list[tuple[str, str, str]]:
    """Return name, address and figures of the languages that are listed."""
    possible = languages_for(texts.policy)
    listed = possible if len(possible) <= MOST_LANGUAGES else texts.begun
    return [
        (name_of(each.language), address_of(texts.policy, each.language), each.words)
        for each in counts(texts, listed)
    ]
