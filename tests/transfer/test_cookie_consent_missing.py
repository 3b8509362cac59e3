"""`manage.py consent_migrate` on a website without django-cookie-consent, or without its tables."""

import pytest
from django.core.management import CommandError, call_command

from consent.models import Policy
from tests import cookie_consent_app

pytestmark = pytest.mark.django_db


def refusal() -> str:
    with pytest.raises(CommandError) as error:
        call_command("consent_migrate", "django-cookie-consent")
    assert not Policy.objects.exists()
    return str(error.value)


def test_website_without_the_app_is_refused():
    assert "“cookie_consent” is not in INSTALLED_APPS" in refusal()


def test_app_without_tables_is_refused():
    pytest.importorskip("cookie_consent")
    with cookie_consent_app.installed():
        assert "Run manage.py migrate" in refusal()
