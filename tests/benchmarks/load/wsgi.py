"""What gunicorn serves: the website, and on the database, that the environment names."""

import json
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from tests.benchmarks.load.settings import PATIENCE, settings_under_load

settings.configure(
    **settings_under_load(os.environ["LOAD_WEBSITE"], json.loads(os.environ["LOAD_DATABASE"]))
)
application = get_wsgi_application()

# Only once the settings are there.
from consent.proof import storing  # noqa: E402

storing.RETRY_SECONDS = PATIENCE
