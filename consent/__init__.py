"""A website's data-collection policy: which third-party tools run for which visitor.

`track`, `atrack`, `track_for`, `atrack_for` and `EventError` come from `consent.events.tracking`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from consent.events.tracking import EventError, atrack, atrack_for, track, track_for

__all__ = ["EventError", "atrack", "atrack_for", "track", "track_for"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what needs the models when it is asked for: Django imports this module before them."""
    if name in __all__:
        return getattr(import_module("consent.events.tracking"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
