"""The real app django-cookie-consent, installed for the tests of one module.

It is not in the tests' INSTALLED_APPS, as most websites do not have it beside this one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.conf import settings
from django.contrib.admin import site
from django.db import connection
from django.test import override_settings

MODELS = ("CookieGroup", "Cookie", "LogItem")


@contextmanager
def tables() -> Iterator[None]:
    """Create its tables, which `installed` needs, and delete them at the end."""
    with installed():
        models = [apps.get_model("cookie_consent", name) for name in MODELS]
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    yield
    with connection.schema_editor() as editor:
        for model in reversed(models):
            editor.delete_model(model)


@contextmanager
def installed() -> Iterator[None]:
    """Let it be among the INSTALLED_APPS; the admin forgets its models at the end."""
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "cookie_consent"]):
        yield
    for model in list(site._registry):
        if model._meta.app_label == "cookie_consent":
            site.unregister(model)
