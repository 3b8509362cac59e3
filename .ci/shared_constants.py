"""Writes what both Python and the scripts must know to consent/browser/shared.json."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.configure(INSTALLED_APPS=["consent"], SECRET_KEY="unused")  # noqa: S106
django.setup()

from consent.pages.shared_constants import SHARED_CONSTANTS  # noqa: E402

target = ROOT / "consent" / "browser" / "shared.json"
target.write_text(json.dumps(SHARED_CONSTANTS, indent=2) + "\n", encoding="utf-8")
