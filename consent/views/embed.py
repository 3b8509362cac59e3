"""The page that shows one embed to a visitor who has not allowed it."""

from __future__ import annotations

from html import escape

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt

from consent.models.texts_language import gettext
from consent.pages import embeds
from consent.views.private import PrivateView, local_address
from consent.visitor import consent_of
from consent.visitor.same_origin import same_origin


@method_decorator(csrf_exempt, name="dispatch")
class EmbedView(PrivateView):
    """One embed on a page of its own: what “Load once” shows without JavaScript. Stores nothing.

    POST takes what the placeholder's form says: ``tool``, ``title``, ``ratio`` and the parameters,
    with `consent.pages.embeds.PREFIX`; it answers 400 or 403 with a reason where it shows nothing.
    GET shows nothing, with 405: no link may make a visitor load what a stranger chose.
    """

    template_name = "consent/embed_page.html"

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Say that there is nothing to see."""
        reason = gettext("Nothing was loaded: this page only shows what another page asks it for.")
        response = self._answer(reason, 405)
        response.headers["Allow"] = "POST, OPTIONS"
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        """Show the embed."""
        if not same_origin(request):
            reason = gettext("Nothing was loaded: this form was not sent from a page of this site.")
            return self._answer(reason, 403)
        key = request.POST.get("tool", "")
        tool = consent_of(request).policy.tools.get(key)
        if tool is None or tool.embed is None:
            return self._answer(gettext("Nothing was loaded: it is no longer offered here."), 400)
        form = request.POST
        start = len(embeds.PREFIX)
        values = {name[start:]: form[name] for name in form if name.startswith(embeds.PREFIX)}
        try:
            shown = embeds.ShownEmbed.read(tool.embed, form.get("title"), form.get("ratio"), values)
        except ValueError as error:
            return self._answer(gettext("Nothing was loaded: %s") % error, 400)
        return self._answer("", 200, title=shown.title, embed=embeds.loaded(request, key, shown))

    def _answer(self, error: str, status: int, **context: object) -> HttpResponse:
        following = local_address(self.request, self.request.POST.get("next", ""))
        # Where the page's other forms lead back to: nobody can come back to this one.
        consent_of(self.request).address = escape(following or reverse("consent:preferences"))
        context = self.get_context_data(error=error, following=following, **context)
        return self.render_to_response(context, status=status)
