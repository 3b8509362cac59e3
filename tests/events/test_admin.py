"""The admin's pages of events: a tool's own, and the deliveries."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import consent
from consent.events import signatures
from consent.events.models import Delivery, SigningSecret
from consent.models import Tool
from tests.admin.helpers import TOOL, TOOLS, editor, errors, history, said, send
from tests.events.helpers import MARKETING, State, events_site, track, visitor
from tests.factories import ToolFactory

pytestmark = pytest.mark.django_db

DELIVERIES = "admin:consent_events_delivery_changelist"
DELIVERY = "admin:consent_events_delivery_change"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def tool() -> Tool:
    return events_site()


def page_of(tool: Tool) -> str:
    return reverse("admin:consent_tool_events", args=[tool.pk])


def press(client: Client, tool: Tool, button: str, **more: str) -> Any:
    return client.post(page_of(tool), {button: "1", **more}, follow=True)


def text(page: Any) -> str:
    found: str = page.content.decode()
    return found


# A tool's page


def test_form_of_a_tool_that_gets_events_leads_to_its_page(admin_client, tool):
    page = text(admin_client.get(reverse(TOOL, args=[tool.pk])))
    assert page_of(tool) in page
    assert 'name="hears_decisions"' in page

    other = ToolFactory()
    page = text(admin_client.get(reverse(TOOL, args=[other.pk])))
    assert "/events/" not in page
    assert 'name="hears_decisions"' not in page
    assert admin_client.get(page_of(other)).status_code == 404
    assert admin_client.get(page_of(Tool(pk=10_000_000))).status_code == 404


def test_page_leads_back_to_the_list_of_tools(admin_client, tool):
    page = text(admin_client.get(page_of(tool)))

    # Not the admin's own navigation, which leads there from everywhere.
    (breadcrumbs,) = re.findall(r'class="breadcrumbs".*?</(?:div|ol)>', page, re.DOTALL)
    assert f'href="{reverse(TOOLS)}"' in breadcrumbs


def test_page_counts_deliveries_and_leads_to_them(admin_client, tool):
    track(3)
    Delivery.objects.drop(Delivery.objects.claim(1, 60), "withdrawn")

    page = admin_client.get(page_of(tool))

    numbers = {str(outcome.name): outcome.number for outcome in page.context["outcomes"]}
    assert numbers == {"Waiting": 2, "Delivered": 0, "Dropped": 1, "Given up": 0}
    for outcome in page.context["outcomes"]:
        listed = admin_client.get(outcome.url)
        assert listed.context["cl"].result_count == outcome.number


def test_test_event_is_put_on_its_way_and_not_sent_in_the_request(admin_client, tool):
    page = press(admin_client, tool, "_test")

    delivery = Delivery.objects.get()
    assert delivery.is_test
    assert delivery.state == State.WAITING
    assert delivery.message_id in said(page)[0]


def test_secret_is_shown_once(admin_client, tool):
    page = text(press(admin_client, tool, "_show"))
    (shown,) = set(SECRET.findall(page))
    assert shown == signatures.written(SigningSecret.objects.get().value)

    again = press(admin_client, tool, "_show")
    assert not SECRET.findall(text(again))
    assert said(again) == ["It was shown before; make a new one."]
    assert not SECRET.findall(text(admin_client.get(page_of(tool))))


def test_page_with_a_secret_is_kept_by_nobody(admin_client, tool):
    page = admin_client.post(page_of(tool), {"_show": "1"})

    assert "no-store" in page["Cache-Control"]


def test_new_secret_signs_beside_the_old_one_as_long_as_was_chosen(admin_client, tool):
    (first,) = SECRET.findall(text(press(admin_client, tool, "_show")))
    (second,) = SECRET.findall(text(press(admin_client, tool, "_rotate", overlap="week")))

    assert first != second
    new, old = SigningSecret.objects.active(tool)
    assert signatures.written(new.value) == second
    assert new.retires_at is None
    assert old.retires_at is not None
    assert timedelta(days=6) < old.retires_at - timezone.now() < timedelta(days=8)

    press(admin_client, tool, "_rotate", overlap="none")
    assert len(SigningSecret.objects.active(tool)) == 1


def test_rotation_never_makes_an_old_secret_last_longer(admin_client, tool):
    press(admin_client, tool, "_show")
    press(admin_client, tool, "_rotate", overlap="day")
    press(admin_client, tool, "_rotate", overlap="week")

    *_, oldest = SigningSecret.objects.active(tool)
    assert oldest.retires_at is not None
    assert oldest.retires_at < timezone.now() + timedelta(days=2)


def test_what_was_done_with_the_secret_is_in_the_history_and_it_is_not(admin_client, tool):
    (shown,) = SECRET.findall(text(press(admin_client, tool, "_show")))
    press(admin_client, tool, "_rotate", overlap="day")

    assert len(history(tool)) == 3
    assert all("signing secret" in entry for entry in history(tool))
    assert shown not in "".join(history(tool))


@pytest.mark.parametrize(
    "sent", [{}, {"_rotate": "1"}, {"_rotate": "1", "overlap": "ever"}, {"overlap": "day"}]
)
def test_button_that_there_is_not_is_a_bad_request(admin_client, tool, sent):
    assert admin_client.post(page_of(tool), sent).status_code == 400
    assert not SigningSecret.objects.exists()


def test_zapier_has_no_secret_of_ours(admin_client, tool):
    Tool.objects.filter(pk=tool.pk).update(
        recipe="zapier", parameters={"hook_url": "https://hooks.zapier.com/hooks/catch/1/abcdef/"}
    )

    page = text(admin_client.get(page_of(tool)))
    assert "_show" not in page
    assert "hooks/catch" not in page
    assert press(admin_client, tool, "_show").status_code == 400
    assert press(admin_client, tool, "_test").status_code == 200


def test_secret_whose_key_is_gone_says_so(admin_client, tool, settings):
    SigningSecret.objects.active(tool)
    SigningSecret.objects.update(key="00000000")

    page = press(admin_client, tool, "_show")

    assert not SECRET.findall(text(page))
    assert "no longer in the settings" in said(page)[0]


def test_who_may_only_look_sees_no_button_and_no_secret(tool):
    looking = editor("view_tool")

    page = looking.get(page_of(tool))
    assert page.status_code == 200
    assert "<button" not in text(page)[text(page).index('id="content-main"') :]
    for button in ("_test", "_show", "_rotate"):
        sent = {button: "1", "overlap": "day"}
        assert looking.post(page_of(tool), sent).status_code == 403
    assert not Delivery.objects.exists()
    assert not SigningSecret.objects.exists()


def test_who_may_not_look_at_tools_gets_nothing(tool, client):
    assert editor("view_policy").get(page_of(tool)).status_code == 403
    assert client.get(page_of(tool)).status_code == 302


def test_tool_that_was_retired_says_why_in_the_list(admin_client, tool):
    tool.retire()

    for address in (reverse(TOOLS), reverse(TOOL, args=[tool.pk]), page_of(tool)):
        assert "410 Gone" in text(admin_client.get(address))
    send(admin_client, reverse(TOOL, args=[tool.pk]), {"enabled": "on"})
    assert "410 Gone" not in text(admin_client.get(reverse(TOOLS)))


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("http://hooks.example/", "unencrypted"),
        ("https://127.0.0.1/", "not public"),
        ("https://169.254.169.254/latest/", "not public"),
    ],
)
def test_address_that_nothing_is_sent_to_is_refused_when_saved(admin_client, tool, address, part):
    page = send(admin_client, reverse(TOOL, args=[tool.pk]), {"parameter_url": address})

    (message,) = errors(page)["parameter_url"]
    assert part in message
    tool.refresh_from_db()
    assert tool.parameters["url"] == "https://hooks.example/in"


# Deliveries


def test_list_shows_how_far_each_is_and_nothing_of_what_it_holds(admin_client, tool):
    consent.track(visitor(MARKETING), "Signed Up", {"email": "ada@example.com"})

    page = text(admin_client.get(reverse(DELIVERIES)))

    for part in ("Signed Up", "Webhooks", "Waiting"):
        assert part in page
    one = text(admin_client.get(reverse(DELIVERY, args=[Delivery.objects.get().pk])))
    assert "ada@example.com" not in page + one
    assert "hooks.example" not in page + one


@pytest.mark.parametrize("prefix", ["evt_", ""])
def test_event_is_found_by_its_id_and_by_its_name(admin_client, tool, prefix):
    first, _ = track(2)
    for term, number in ((f"{prefix}{first.event.hex}", 1), ("signed", 2), ("evt_0", 0)):
        page = admin_client.get(reverse(DELIVERIES), {"q": term})
        assert page.context["cl"].result_count == number


def test_deliveries_are_filtered_by_state_and_tool(admin_client, tool):
    track(2)
    Delivery.objects.drop(Delivery.objects.claim(1, 60), "withdrawn")

    for query, number in (
        ({"state__exact": "dropped"}, 1),
        ({"tool__id__exact": tool.pk}, 2),
    ):
        page = admin_client.get(reverse(DELIVERIES), query)
        assert page.context["cl"].result_count == number


def resend(client: Client, *deliveries: Delivery) -> Any:
    chosen = [delivery.pk for delivery in deliveries]
    sent = {"action": "send_again", "_selected_action": chosen}
    return client.post(reverse(DELIVERIES), sent, follow=True)


def test_what_was_given_up_is_sent_again_and_nothing_else(admin_client, tool):
    track(3)
    dead, dropped = Delivery.objects.claim(2, 60)
    dead.give_up("refused", 500)
    Delivery.objects.drop([dropped], "withdrawn")

    page = resend(admin_client, *Delivery.objects.all())

    assert said(page) == ["1 event is sent again, if the visitor's consent still covers it."]
    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == (State.WAITING, 0)
    assert dead.due_at is not None
    dropped.refresh_from_db()
    assert dropped.state == State.DROPPED
    assert said(resend(admin_client, dropped)) == ["None of these events was given up."]


def test_sending_again_takes_the_permission(tool):
    track(1)
    (dead,) = Delivery.objects.claim(1, 60)
    dead.give_up("refused")

    resend(editor("view_delivery"), dead)
    dead.refresh_from_db()
    assert dead.state == State.DEAD

    resend(editor("view_delivery", "change_delivery"), dead)
    dead.refresh_from_db()
    assert dead.state == State.WAITING


def test_nobody_adds_changes_or_deletes_a_delivery(admin_client, tool):
    (delivery,) = track()
    address = reverse(DELIVERY, args=[delivery.pk])

    assert admin_client.post(address, {"name": "Other"}).status_code == 403
    assert admin_client.get(reverse("admin:consent_events_delivery_add")).status_code == 403
    deletion = reverse("admin:consent_events_delivery_delete", args=[delivery.pk])
    assert admin_client.post(deletion, {"post": "yes"}).status_code == 403
    assert Delivery.objects.get().name == "Signed Up"


def test_list_looks_like_the_other_lists_of_the_app(admin_client, tool):
    page = text(admin_client.get(reverse(DELIVERIES)))

    assert "Events that your website&#x27;s server sends to tools" in page
    assert "consent/admin.css" in page
    assert '<label for="searchbar">Search by an event' in page


def test_list_says_when_nobody_delivers(admin_client, tool):
    track()
    assert said(admin_client.get(reverse(DELIVERIES))) == []

    Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=11))

    (warning,) = said(admin_client.get(reverse(DELIVERIES)))
    assert "consent_deliver --watch" in warning


@pytest.mark.parametrize("query", [{"state__exact": "x"}, {"q": "\x00"}, {"p": "x"}, {"o": "9"}])
def test_address_with_junk_is_no_error_of_ours(admin_client, tool, query):
    track()

    assert admin_client.get(reverse(DELIVERIES), query).status_code in (200, 302, 400)


def test_number_of_queries_does_not_grow_with_the_list(
    admin_client, tool, django_assert_max_num_queries
):
    track(2)
    admin_client.get(reverse(DELIVERIES))
    with django_assert_max_num_queries(30) as few:
        admin_client.get(reverse(DELIVERIES))
    track(30)
    with django_assert_max_num_queries(len(few.captured_queries)):
        admin_client.get(reverse(DELIVERIES))


def test_delivery_of_a_deleted_tool_keeps_its_name(admin_client, tool):
    (delivery,) = track()
    tool.delete()

    page = text(admin_client.get(reverse(DELIVERY, args=[delivery.pk])))

    assert "Webhooks" in page
