"""The pages. None of them sets a cookie: what a visitor decides is the consent app's to store."""

from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

import consent
from consent.pages import delivery_mode, extended_csp
from consent.visitor.same_origin import same_origin
from demo_site.csp import guarded, site_policy
from demo_site.events import remember_events
from demo_site.forms import ContactForm
from demo_site.panel import VisitorRequest, describe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show boats, times and fares."""
    return render(request, "demo_site/home.html")


@require_safe
def journal(request: HttpRequest) -> HttpResponse:
    """Show the boats' log, and a video."""
    return render(request, "demo_site/journal.html", {"placed_tools": ["youtube"]})


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Stand in for the company's privacy policy."""
    return render(request, "demo_site/privacy.html")


# Django's CSRF token needs a cookie, and nobody has agreed to one yet: the browser's own word on
# where the request comes from protects the form instead.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def contact(request: VisitorRequest) -> HttpResponse:
    """Show the form with reCAPTCHA; on POST check it and thank the sender.

    Raises PermissionDenied where another site sent the form. Nothing of the letter is stored or
    sent, and the reCAPTCHA token is not verified: that would take a real key and a request to
    Google. Tools that get events learn that there was one, and its subject.
    """
    form = ContactForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST":
        if not same_origin(request):
            raise PermissionDenied(
                "This form is only taken from our own page. Please send it there."
            )
        if form.is_valid():
            _track(request, "Letter Sent", {"about": form.cleaned_data["about"]})
            return HttpResponseRedirect(reverse("thanks"), status=303)
    return render(request, "demo_site/contact.html", {"form": form, "placed_tools": ["recaptcha"]})


@require_safe
def thanks(request: HttpRequest) -> HttpResponse:
    """Thank the sender."""
    return render(request, "demo_site/thanks.html")


# Not for a cache, in no delivery: it has a nonce, and its policy is printed on it.
@require_safe
@never_cache
@guarded
def csp(request: HttpRequest) -> HttpResponse:
    """Show a Content-Security-Policy at work, on code of a tool that somebody forgot."""
    directives = extended_csp(request, site_policy(request)).split(";")
    context = {
        "directives": [directive.strip().partition(" ")[::2] for directive in directives],
        "is_cacheable": delivery_mode().is_cacheable,
        "forgotten": "facebook-pixel",
    }
    return render(request, "demo_site/csp.html", context)


@csrf_exempt
@require_http_methods(["POST"])
def look_up(request: VisitorRequest) -> HttpResponse:
    """Track that somebody looked up the next crossing, and show the timetable.

    Raises PermissionDenied where another site sent the form.
    """
    if not same_origin(request):
        raise PermissionDenied("This form is only taken from our own page. Please send it there.")
    _track(request, "Crossing Looked Up", {"from": "Oddersay", "to": "Stray Ness"})
    return HttpResponseRedirect(f"{reverse('home')}#panel-title", status=303)


def _track(request: VisitorRequest, name: str, data: Mapping[str, str]) -> None:
    """Track an event, and have the panel show it to this visitor.

    A site of yours needs no more than ``consent.track``.
    """
    # Before it is there for others: once it has arrived, nothing says whose it was.
    with transaction.atomic():
        consent.track(request, name, data)
        remember_events(request.consent.without_vary().snapshot.subject)


@require_safe
@never_cache
def panel(request: VisitorRequest) -> HttpResponse:
    """Return the panel's inside alone; ``placed``: the tools that the page itself asks for."""
    panel = describe(request, request.GET.getlist("placed"))
    return render(request, "demo_site/_panel.html", {"panel": panel})
