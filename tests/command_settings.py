"""Settings of the commands that `tests.command_processes` runs."""

import json
import os

from tests.settings import *  # noqa: F403

globals().update(json.loads(os.environ["SETTINGS"]))
