"""The API is imported when it is first used, so that a first page does not wait for it."""

import pytest
from django.urls import resolve, reverse

from consent.api.lazy import LazyView
from consent.api.urls import urlpatterns
from tests.separate_process import run_in_new_process

pytestmark = pytest.mark.once


def test_urls_are_loaded_without_rest_framework():
    output = run_in_new_process(
        "import sys; from django.urls import reverse;"
        'reverse("consent:api-preferences"); reverse("consent:preferences");'
        'print(sorted(name for name in sys.modules if name == "rest_framework.views"))'
    )
    assert output.strip() == "[]"


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_a_view_has_what_schemas_and_middleware_look_for(pattern):
    view = pattern.callback

    assert isinstance(view, LazyView)
    assert view.csrf_exempt
    assert view.cls.__name__ == view.__name__
    assert pattern.lookup_str == f"consent.api.views.{view.__name__}"


def test_decisions_are_not_within_the_request_s_transaction():
    view = resolve(reverse("consent:api-preferences")).func

    assert view._non_atomic_requests == {"default"}
