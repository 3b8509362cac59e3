"""The files of this app in the docs' table: their names and sizes, without a run of everything."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from runpy import run_path

import consent

PACKAGE = Path(consent.__file__).parent
ROW = re.compile(
    r"^(\| this app, `(server|cacheable)` \|) `consent/[a-z]+\..+?\.(js|css)` \|.+$", re.MULTILINE
)
# Not imported: its package needs settings, which only the websites' own processes have.
ASSETS = run_path(str(PACKAGE / "pages" / "assets.py"))


def files_of(delivery: str) -> dict[str, str]:
    """Return the name of the file that a page of this delivery loads, by its ending."""
    script = ASSETS["SCRIPT" if delivery == "server" else "CACHEABLE_SCRIPT"]
    return {"js": script, "css": ASSETS["STYLESHEET"]}


def refreshed(document: str) -> str:
    """Return ``document`` with the names and sizes of now in the rows of this app's files."""
    return ROW.sub(_row, document)


def _row(found: re.Match[str]) -> str:
    name = files_of(found[2])[found[3]]
    content = (PACKAGE / "static" / name).read_bytes()
    return f"{found[1]} `{name}` | {len(content):,} | {len(gzip.compress(content, 9)):,} |"
