"""The demo site's settings, made quick and independent of the machine.

The database is what `DATABASE_URL` names; else PostgreSQL, where it answers on its standard port
to the user postgres without a password; else the demo's own, SQLite.
"""

import os
import socket
import sys
from zlib import crc32

import django
import psycopg

from demo_site.settings import *  # noqa: F403

_LIBRARY = "django.tasks" if django.VERSION >= (6, 0) else "django_tasks"

POSTGRESQL_HOST, POSTGRESQL_PORT, POSTGRESQL_USER = "127.0.0.1", 5432, "postgres"


def postgresql_answers() -> bool:
    """Return whether the server is there and lets us in; takes at most about two seconds."""
    try:
        # A closed port is known at once this way, without the driver's own slower attempts.
        socket.create_connection((POSTGRESQL_HOST, POSTGRESQL_PORT), timeout=0.5).close()
        psycopg.connect(
            host=POSTGRESQL_HOST,
            port=POSTGRESQL_PORT,
            user=POSTGRESQL_USER,
            dbname="postgres",
            connect_timeout=2,
        ).close()
    except (OSError, psycopg.OperationalError):
        return False
    return True


if "DATABASE_URL" in os.environ:
    DATABASE_REMARK = "as DATABASE_URL says"
elif postgresql_answers():
    DATABASE_REMARK = "it answers on its standard port"
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": POSTGRESQL_HOST,
            "PORT": POSTGRESQL_PORT,
            "USER": POSTGRESQL_USER,
            "NAME": "consent",
        }
    }
else:
    DATABASE_REMARK = (
        f"because PostgreSQL does not answer on {POSTGRESQL_HOST}:{POSTGRESQL_PORT} "
        f"to the user {POSTGRESQL_USER} without a password"
    )

if not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Two checkouts, or two environments of one, can be tested on one server at the same time.
    environment = f"{crc32(sys.prefix.encode()):08x}"
    DATABASES["default"]["TEST"] = {"NAME": f"test_{DATABASES['default']['NAME']}_{environment}"}

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Where a visitor is, and where events may go, is each test's own affair.
CONSENT_REGION = None
CONSENT_EVENTS_HOSTS = None  # type: ignore[assignment]
CONSENT_EVENTS_TRUSTED_HOSTS = []
# No test waits for the thread that stores what was seen.
CONSENT_FINDINGS_STORE_SECONDS = 1_000_000
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tasks that wait for a worker, beside what there is without the setting.
BACKGROUND = "background"
TASKS = {
    "default": {"BACKEND": f"{_LIBRARY}.backends.immediate.ImmediateBackend"},
    BACKGROUND: {"BACKEND": "django_tasks_db.DatabaseBackend"},
}
INSTALLED_APPS = [*INSTALLED_APPS, "consent.findings", "django_tasks_db"]  # noqa: F405
MIDDLEWARE = ["consent.findings.middleware.FindingsMiddleware", *MIDDLEWARE]  # noqa: F405
