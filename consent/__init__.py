"""A website's data-collection policy: which third-party tools run for which visitor.

`track`, `atrack`, `track_for`, `atrack_for` and `EventError` come from the app `consent.events`.
Their types are in ``__init__.pyi``: this package never imports that app by itself.
"""

from importlib import import_module

__all__ = ["EventError", "atrack", "atrack_for", "track", "track_for"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return what the app ``consent.events`` offers here.

    Raises ImproperlyConfigured where that app is not installed, and AttributeError for other names.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from django.apps import apps
    from django.core.exceptions import ImproperlyConfigured

    if not apps.is_installed("consent.events"):
        raise ImproperlyConfigured(
            f"consent.{name} needs the app that sends events: add 'consent.events' to "
            "INSTALLED_APPS, after 'consent', and run 'manage.py migrate'."
        )
    return getattr(import_module("consent.events.tracking"), name)
