"""The parts of Django that have no public interface: these tests fail if Django changes them."""

import django
import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import TestCase
from django.utils.module_loading import import_string

from consent.policy import open_transactions


def nothing() -> None:
    """Do nothing."""


def act_once() -> None:
    """Do nothing, as another callback."""


class InsideATest(TestCase):
    """Around each test of a TestCase there are atomic blocks that are never committed."""

    def test_blocks_are_known_as_those_of_a_test(self):
        assert [block._from_testcase for block in connection.atomic_blocks] == [True, True]

    def test_callback_that_waits_is_the_second_of_its_entry(self):
        transaction.on_commit(nothing)

        assert connection.run_on_commit[-1][1] is nothing
        assert open_transactions.is_kept_in_test(connection, nothing)
        assert not open_transactions.is_kept_in_test(connection, act_once)

    def test_callback_of_a_block_that_was_rolled_back_is_gone(self):
        with transaction.atomic():
            transaction.on_commit(nothing)
            transaction.set_rollback(True)

        assert not open_transactions.is_kept_in_test(connection, nothing)

    def test_callback_in_another_open_block_does_not_count_yet(self):
        with transaction.atomic():
            transaction.on_commit(nothing)
            assert not connection.atomic_blocks[-1]._from_testcase
            assert not open_transactions.is_kept_in_test(connection, nothing)

        assert open_transactions.is_kept_in_test(connection, nothing)

    def test_edit_is_seen_only_in_the_block_that_made_it(self):
        with transaction.atomic():
            open_transactions.call_on_commit(nothing, "default")
            assert open_transactions.sees_own_edits("default")

        assert not open_transactions.sees_own_edits("default")


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has a CSP nonce from 6.0 on")
def test_django_keeps_its_nonce_where_pages_read_it():
    request = HttpRequest()

    import_string("django.middleware.csp.ContentSecurityPolicyMiddleware")(
        lambda request: HttpResponse()
    )(request)

    assert hasattr(request, "_csp_nonce")
