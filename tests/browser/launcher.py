"""Chromium for the browser tests, and a check that it and Playwright's driver start.

``python -m tests.browser.launcher`` makes the check and prints what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Browser, BrowserType, Error, sync_playwright

# No request may leave the machine, not even one that Playwright cannot intercept: every name but
# the site's own is unknown. Hosts below example.test make parent domains possible.
HOSTS = (
    "MAP *.example.test 127.0.0.1, MAP example.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
)
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules={HOSTS}",
]
HINT = "To run the other tests: make test BROWSER=no, or pytest -m 'not browser'."
# Seconds. A driver that starts takes less than one, also on a busy machine.
PATIENCE = 60


def executable() -> str | None:
    """Return the path of the browser that the tests use, or None where there is none."""
    return shutil.which(os.environ.get("CHROMIUM") or "chromium")


def launch(chromium: BrowserType) -> Browser:
    """Start the browser. Raises playwright.sync_api.Error where that fails."""
    return chromium.launch(executable_path=executable(), args=FLAGS)


def problem() -> str | None:
    """Return why the browser tests cannot run here and what to do about it, or None."""
    what = _driver_problem() or _browser_problem()
    return f"The browser tests cannot run.\n{what}{HINT}" if what else None


def _driver_problem() -> str | None:
    command = [sys.executable, "-m", "playwright", "--version"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if tried.returncode == 0:
        return None
    why = tried.stderr.strip() or f"It ended with status {tried.returncode}."
    return (
        f"Playwright's driver does not start: {why}\n"
        "On Debian, this usually helps: apt-get install libatomic1.\n"
    )


def _browser_problem() -> str | None:
    if executable() is None:
        return "Chromium is missing: apt-get install chromium, or name a browser by CHROMIUM.\n"
    try:
        with sync_playwright() as playwright:
            launch(playwright.chromium).close()
    except Error as error:
        return f"{executable()} does not start: {_reason(error)}\n"
    return None


def _reason(error: Error) -> str:
    """Return what the browser wrote before it ended; else the first line of ``error``."""
    first, *others = str(error).splitlines()
    # They come twice, and between them the command with its fifty options.
    written = dict.fromkeys(line.strip(" -") for line in others if "[err]" in line)
    return "\n".join(written) or first


if __name__ == "__main__":
    sys.exit(problem())
