"""Settings of a site whose admin has the skin that the environment variable SKIN names.

The database is in memory, or in the file that SKIN_DATABASE names.
"""

import os

from tests.admin.skins import SKINS

# Before the settings that read it.
os.environ["DATABASE_URL"] = f"sqlite:///{os.environ.get('SKIN_DATABASE', ':memory:')}"

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as USUAL_APPS

SKIN = os.environ["SKIN"]
INSTALLED_APPS = [*SKINS[SKIN], *USUAL_APPS]
ROOT_URLCONF = "tests.admin.skins.urls"
ALLOWED_HOSTS = ["*"]
if SKIN == "admin_interface":
    # Its pop-ups are frames.
    X_FRAME_OPTIONS = "SAMEORIGIN"
    SILENCED_SYSTEM_CHECKS = ["security.W019"]
