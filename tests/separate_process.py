"""Run code on a minimal site in a separate process, to test what happens at import."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_SITE = """
import json
import django
from django.conf import settings
from django.urls import include, path

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    MIDDLEWARE=["consent.middleware.ConsentMiddleware"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "consent"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    # Without tables: to the app, a database that fails.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    LOGGING_CONFIG=None,
    REST_FRAMEWORK=json.loads(%r),
)
django.setup()
urlpatterns = [path("consent/", include("consent.urls"))]
"""


def run_in_new_process(
    code: str, *, before: str = "", rest_framework: dict[str, Any] | None = None
) -> str:
    """Run `code` in a new interpreter, on a site without tables; return what it prints.

    `before` runs before anything is imported; `rest_framework` is that setting's value.
    """
    result = subprocess.run(
        [sys.executable, "-c", before + _SITE % json.dumps(rest_framework or {}) + code],
        cwd=Path(__file__).resolve().parents[1],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
