"""Chromium against the running demo site. Every other host is answered by the test."""

import pytest

# So that a failed assertion in there says what it compared.
pytest.register_assert_rewrite("tests.browser.visitor")
