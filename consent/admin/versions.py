"""The versions of the policy: what visitors were shown, rendered again from what is stored."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from consent.admin.base import ReadOnlyAdmin
from consent.admin.wording import verdict_of
from consent.models import PolicyVersion
from consent.models.legal_basis import basis_of
from consent.pages.assets import STYLESHEET
from consent.pages.template_data import url_data
from consent.policy import policies
from consent.policy.versions import DIGEST_LENGTH

VERDICTS = {
    True: ("✓", "genuine", _("Genuine: the content matches the digest.")),
    False: ("✗", "altered", _("Altered: the content does not match the digest.")),
}


class Part(NamedTuple):
    """Something that visitors saw. ``document``: a whole page, in HTML."""

    key: str
    title: str
    document: str


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin[PolicyVersion]):
    """The read-only section of versions."""

    introduction = _(
        "What visitors saw when they decided. Each record refers to a version. Versions cannot be "
        "changed."
    )
    list_display = ("revision", "language", "stored_at", "short_digest")
    list_display_links = ("revision", "short_digest")
    show_full_result_count = False
    fields = ("revision", "language", "stored_at", "digest", "verdict")
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        """Add the download of the content."""
        view = self.admin_site.admin_view(self.content_view)
        name = "consent_policyversion_content"
        return [path("<path:object_id>/content/", view, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        """Load the long texts only when a page shows them."""
        return super().get_queryset(request).defer("content")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what visitors saw below the fields."""
        version: PolicyVersion = context["original"]
        content = reverse("admin:consent_policyversion_content", args=[version.pk])
        shown = {
            "parts": shown_again(version),
            "page_links": [(_("Download as JSON"), content)],
        }
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    def content_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send the stored content, byte for byte: whoever hashes the file gets the digest.

        Raises PermissionDenied if the user may not see it, and Http404 if it does not exist.
        """
        version = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        if version is None:
            raise Http404
        response = HttpResponse(version.content, content_type="application/json")
        name = f"policy-{version.revision}-{version.digest[:DIGEST_LENGTH]}.json"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    @admin.display(description=_("digest"))
    def short_digest(self, version: PolicyVersion) -> str:
        """The part of the digest that pages show."""
        return version.digest[:DIGEST_LENGTH]

    @admin.display(description=_("content"))
    def verdict(self, version: PolicyVersion) -> SafeString:
        """Whether the content still matches the digest, in words."""
        return verdict_of(*VERDICTS[version.is_genuine])


def shown_again(version: PolicyVersion) -> list[Part]:
    """Return notice, preferences and policy of ``version``, in its language.

    The texts are the stored ones; the words of buttons and columns are those that the app's
    templates have now. Nothing, where what is stored is no content at all.
    """
    try:
        shown = version.shown
        texts = {"policy": {**shown["policy"]}, "categories": [*shown["categories"]]}
    except (KeyError, TypeError, ValueError):
        return []
    titles = {
        "notice": gettext("Notice"),
        "preferences": gettext("Preferences"),
        "policy": gettext("Policy page"),
    }
    # None: as with a site that has one language and does not translate at all.
    with override(version.language or None):
        context = {
            **url_data(policies.current().at_addresses()),
            **texts,
            "legal_basis": basis_of(shown["policy"]["regime"]),
            "next": "",
            "version": version.digest[:DIGEST_LENGTH],
        }
        return [Part(key, title, _document(key, title, context)) for key, title in titles.items()]


def _document(key: str, title: str, context: dict[str, Any]) -> str:
    template = f"admin/consent/policyversion/shown_{key}.html"
    return render_to_string(template, {**context, "title": title, "stylesheet": STYLESHEET})
