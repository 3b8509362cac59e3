"""Settings of the demo site. Everything has a default that just works on one's own machine.

Read from the environment: DEBUG, SECRET_KEY, ALLOWED_HOSTS, CSRF_TRUSTED_ORIGINS, HTTPS (off only
where another server redirects to it), CONSENT_DELIVERY (server or cacheable), DATABASE_URL and
CACHE_URL (the two URLs in django-environ's form, such as ``postgres://user:password@host/name``).
"""

from pathlib import Path

import environ
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG: bool = env.bool("DEBUG", default=True)

# Everybody can read this key, so it must never sign anything that a stranger can reach.
DEMO_SECRET_KEY = "django-insecure-oddersay-ferry-everybody-knows-this-key"
SECRET_KEY: str = env.str("SECRET_KEY", default=DEMO_SECRET_KEY)
if not DEBUG and SECRET_KEY == DEMO_SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is the demo's public one, which is refused when DEBUG is false. "
        "Set the environment variable SECRET_KEY to a long random text of your own."
    )

# Empty with DEBUG: Django then answers to localhost, *.localhost, 127.0.0.1 and [::1] only.
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    # Before `consent`, whose consent/base.html it overrides so that the preferences page looks
    # like the rest of the site.
    "demo_site",
    "consent",
    "consent.events",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
]

# A response passes this list from bottom to top, a request from top to bottom.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # After sessions, before whatever writes a text: it activates the visitor's language.
    "django.middleware.locale.LocaleMiddleware",
    # Redirects /journal to /journal/: such a redirect needs no consent, so it comes first.
    "django.middleware.common.CommonMiddleware",
    # After LocaleMiddleware, so that the notice speaks the visitor's language; after
    # CommonMiddleware, so that Content-Length counts what consent may still change; before
    # the rest, so that the answers which they give by themselves know request.consent, too.
    "consent.middleware.ConsentMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                # The consent tags find the visitor's choice through `request`.
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                # Links keep the region that the panel's switch chose.
                "demo_site.region.region_query",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "demo_site.urls"
WSGI_APPLICATION = "demo_site.wsgi.application"
ASGI_APPLICATION = "demo_site.asgi.application"

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Two people who save at the same moment wait for each other, where SQLite's own default
    # gives the second one "database is locked" at once.
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
CACHES = {"default": env.cache_url("CACHE_URL", default="locmemcache://")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# "cacheable": pages are the same for everybody, and the browser fetches each visitor's tools.
CONSENT_DELIVERY: str = env.str("CONSENT_DELIVERY", default="server")

# Only for this demo, where the address of a page says where its visitor is supposed to be. A site
# behind a CDN names it ("cloudflare"), or the headers in which its proxy says it.
CONSENT_REGION: str | None = "demo_site.region.region_of"

# `demo_serve` starts a receiver of events on this machine. No event is sent anywhere else: Zapier's
# address is made up, and may be somebody's. `demo_deliver` sends what is for it to the receiver.
CONSENT_EVENTS_HOSTS: list[str] = ["127.0.0.1"]
CONSENT_EVENTS_TRUSTED_HOSTS: list[str] = CONSENT_EVENTS_HOSTS if DEBUG else []

LANGUAGE_CODE = "en"
# Django has no name for Maltese, which its template tags and the admin ask for.
LANG_INFO["mt"] = {"bidi": False, "code": "mt", "name": "Maltese", "name_local": "Malti"}
# All languages of the app; a site names those that it has.
LANGUAGES: list[tuple[str, str]] = [
    (code, LANG_INFO[code]["name_local"])
    for code in (
        *("en", "ar", "bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "ga", "he"),
        *("hr", "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv"),
    )
]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# What a public site needs, off where one tries things on http://127.0.0.1.
HTTPS: bool = env.bool("HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 3600 if HTTPS else 0
X_FRAME_OPTIONS = "DENY"

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # JSON alone: the browsable pages would set a CSRF cookie before anybody has decided anything.
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Oddersay Ferry",
    "DESCRIPTION": "The data-collection preferences of a made-up ferry line.",
    "VERSION": "1",
}
