"""The settings of commands that tests run in processes of their own: see `tests.processes`."""

import json
import os

from tests.settings import *  # noqa: F403

globals().update(json.loads(os.environ["SETTINGS"]))
