"""What the law asks of a page, in a few lines of Python that know nothing of the app's own.

A policy is plain data: ``revision``, ``lifetime`` (days), ``regime``, ``rules`` (pairs of a set of
places and a regime) and ``categories``: ``key``, ``essential``, ``sale``, ``since`` and ``tools``,
a dict of a tool's key to the revision that it is from. A cookie is None where there is none,
UNCLEAR, or a dict: ``revision``, ``age`` (days), ``signal`` (whether it was decided although the
browser opted out) and ``choices`` (key to the revision of the grant, 0 where refused).
"""

import time
from typing import Any

UNCLEAR = "unclear"
STRICTEST_FIRST = ("opt_in", "implied", "notice_only")


def today() -> int:
    """Return today (UTC) as days since 1970-01-01."""
    return int(time.time()) // (24 * 60 * 60)


def text_of(cookie: dict[str, Any]) -> str:
    """Return what a browser sends of a cookie that is a dict."""
    choices = [f"{key}_{at}" for key, at in cookie["choices"].items()]
    mark = "1g" if cookie["signal"] else "1"
    return ".".join([mark, str(cookie["revision"]), str(today() - cookie["age"]), *choices])


def regime_at(policy: dict[str, Any], place: str) -> str:
    """Return what holds at a place that is known in full, such as DE or US-CA."""
    for places, regime in policy["rules"]:
        if place in places or place[:2] in places:
            return str(regime)
    return str(policy["regime"])


def regime_in(policy: dict[str, Any], region: str) -> str:
    """Return the strictest of what holds where the visitor may be; "" may be anywhere."""
    named = {place for places, _ in policy["rules"] for place in places}
    # Beside what the rules name there is the rest of each country, and of the world.
    everywhere = named | {f"{place[:2]}-0" for place in named} | {"QQ-0", f"{region[:2]}-0"}
    if "-" in region:
        everywhere = {region}
    elif region:
        everywhere = {place for place in everywhere if place.startswith(f"{region}-")}
    # A country that is named as a whole is no place that somebody is at: its parts are.
    inside = {place for place in everywhere if "-" in place and not place.startswith("-")}
    return min((regime_at(policy, place) for place in inside), key=STRICTEST_FIRST.index)


def answer(
    policy: dict[str, Any], region: str, *, opts_out: bool, cookie: Any
) -> tuple[set[str], bool]:
    """Return the keys of the tools that may run, and whether the visitor is to be asked."""
    optional = [c for c in policy["categories"] if not c["essential"] and c["tools"]]
    running = {tool for c in policy["categories"] if c["essential"] for tool in c["tools"]}
    if cookie is not None and not holds(policy, cookie):
        return running, bool(optional)
    if cookie is None:
        runs_first = regime_in(policy, region) != "opt_in"
        for category in optional:
            if runs_first and not (category["sale"] and opts_out):
                running |= set(category["tools"])
        return running, bool(optional)
    ask = False
    for category in optional:
        tools, is_new = decided(policy, category, cookie, opts_out=opts_out)
        running |= tools
        ask = ask or is_new
    return running, ask


def holds(policy: dict[str, Any], cookie: Any) -> bool:
    """Say whether a cookie is a decision that holds today."""
    return (
        cookie != UNCLEAR
        and -1 <= cookie["age"] < policy["lifetime"]
        # Nobody can have granted what came after they decided.
        and all(at <= cookie["revision"] for at in cookie["choices"].values())
    )


def decided(
    policy: dict[str, Any], category: dict[str, Any], cookie: dict[str, Any], *, opts_out: bool
) -> tuple[set[str], bool]:
    """Return the tools of a category that the visitor allows, and whether it has any news."""
    granted = cookie["choices"].get(category["key"])
    if granted and granted > policy["revision"]:
        # The policy never was at that revision: nobody knows what was granted.
        granted = None
    if category["sale"] and opts_out and not cookie["signal"]:
        granted = 0
    needed = {tool: max(since, category["since"]) for tool, since in category["tools"].items()}
    covered = {tool for tool, since in needed.items() if granted and granted >= since}
    refused = {tool for tool in covered if cookie["choices"].get(tool) == 0}
    return covered - refused, granted != 0 and covered != set(needed)
