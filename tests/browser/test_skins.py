"""The admin's pages in each skin on a screen of 1280 px: nothing is cut, and nothing overlaps."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.admin.skins import SKINS, command, skip_without

PAGES = (
    "tools",
    "categories",
    "policies",
    "policy",
    "category",
    "records",
    "record",
    "versions",
    "version",
    "statistics",
    "catalogue",
    "add google-analytics",
    "google-analytics",
    "google-analytics history",
    "events",
    "deliveries",
    "delivery",
    "delete survey",
)

# Tables that end beyond what shows of them, and anything that ends beyond the page.
CUT = """() => {
  const wide = document.documentElement.clientWidth;
  const end = (element) => element.getBoundingClientRect().right;
  const shown = (element) =>
    element.checkVisibility({visibilityProperty: true, opacityProperty: true});
  const frame = (element) => {
    for (let each = element.parentElement; each; each = each.parentElement)
      if (getComputedStyle(each).overflowX !== "visible" && end(each))
        return Math.min(end(each), wide);
    return wide;
  };
  const cut = [...document.querySelectorAll("table")].filter(shown)
    .filter((table) => end(table) > frame(table) + 1).map((table) => `table ${table.id}`);
  if (document.documentElement.scrollWidth > wide) cut.push("the page");
  return cut;
}"""

# Links of ours and words that begin the page, two of which are in the same place.
OVERLAPS = """() => {
  const names = [".object-tools a", ".dcp-admin-links a", ".dcp-admin-tools a", ".breadcrumbs a",
    ".breadcrumb a", "#grp-breadcrumbs a", ".dcp-admin-introduction", ".dcp-admin-exports a",
    ".dcp-admin-toolbar input", ".dcp-admin-search input", ".grp-pulldown-handler", "#content h1"];
  const shown = [...new Set(document.querySelectorAll(names.join()))]
    .filter((each) => each.checkVisibility({visibilityProperty: true, opacityProperty: true}));
  const boxes = shown.map((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const isText = element.matches("h1, p");
    return (isText ? range : element).getBoundingClientRect();
  });
  const found = [];
  const named = (element) => element.textContent.trim() || element.name;
  shown.forEach((one, i) => shown.slice(i + 1).forEach((other, j) => {
    const [a, b] = [boxes[i], boxes[i + 1 + j]];
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 2 && down > 2 && !one.contains(other) && !other.contains(one))
      found.push(`${named(one)} / ${named(other)}`);
  }));
  return found;
}"""


@pytest.fixture(params=SKINS)
def skinned(request, chromium: Browser, tmp_path) -> Iterator[tuple[Page, dict[str, str]]]:
    """A page of the browser that is logged in to a site with the skin, and its addresses."""
    skin: str = request.param
    skip_without(skin)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    start = command(skin, str(port))
    start["env"] = {**os.environ, **start["env"], "SKIN_DATABASE": str(tmp_path / "db.sqlite3")}
    process = subprocess.Popen(**start, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        site = json.loads(process.stdout.readline())
        address = f"http://127.0.0.1:{port}"
        with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
            cookie = {"name": "sessionid", "value": site["session"], "url": address}
            context.add_cookies([cookie])
            pages = {name: address + path for name, path in site["addresses"].items()}
            yield context.new_page(), pages
    finally:
        process.terminate()
        process.communicate()


def test_nothing_is_cut_and_nothing_overlaps(skinned):
    page, addresses = skinned
    wrong = {}
    for name in PAGES:
        page.goto(addresses[name])
        if found := [*page.evaluate(CUT), *page.evaluate(OVERLAPS)]:
            wrong[name] = found
    assert wrong == {}
