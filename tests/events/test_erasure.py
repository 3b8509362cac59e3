"""Events that wait for a person who is erased are not sent."""

from uuid import uuid4

import pytest

from consent.events.models import Delivery
from consent.proof import erasure
from consent.proof.subjects import Subject
from tests.events.helpers import events_site, track
from tests.proof.test_erasure import record_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site() -> None:
    events_site()


def test_events_that_wait_for_the_person_are_deleted_and_no_others():
    browser = uuid4()
    record_of(browser, "7")
    own, of_the_account, of_another, of_nobody = track(4)
    for delivery, values in (
        (own, {"subject": browser}),
        (of_the_account, {"user": "7"}),
        (of_another, {"subject": uuid4(), "user": "70"}),
    ):
        Delivery.objects.filter(pk=delivery.pk).update(**values)

    due = erasure.due(Subject(subject=browser))
    done = erasure.erase(Subject(subject=browser))

    assert due.others == done.others == {"events that were not delivered": 2}
    left = Delivery.objects.order_by("pk").values_list("pk", flat=True)
    assert list(left) == [of_another.pk, of_nobody.pk]


def test_event_that_was_given_up_cannot_be_sent_again():
    browser = uuid4()
    record_of(browser)
    (delivery,) = track()
    Delivery.objects.filter(pk=delivery.pk).update(subject=browser)
    Delivery.objects.get().give_up("timeout")

    erasure.erase(Subject(subject=browser))

    assert Delivery.objects.send_again() == 0


def test_event_that_is_being_sent_when_the_person_is_erased_is_not_stored_again():
    browser = uuid4()
    record_of(browser)
    (delivery,) = track()
    Delivery.objects.filter(pk=delivery.pk).update(subject=browser)
    claimed = Delivery.objects.claim(10, 60)

    erasure.erase(Subject(subject=browser))
    claimed[0].fail("timeout")

    assert not Delivery.objects.exists()
