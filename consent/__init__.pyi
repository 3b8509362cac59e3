from consent.events.tracking import EventError as EventError
from consent.events.tracking import atrack as atrack
from consent.events.tracking import atrack_for as atrack_for
from consent.events.tracking import track as track
from consent.events.tracking import track_for as track_for

__version__: str
