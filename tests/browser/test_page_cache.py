"""Cacheable delivery behind nginx, which keeps each page once for all visitors."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from consent.models import Policy, Tool
from consent.recipes import catalogue
from tests.browser.conftest import Enter, Site
from tests.browser.visitor import OPTIONAL, Visitor, asked_of

CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    proxy_cache_path {folder}/pages keys_zone=pages:1m;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {origin};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_cache pages;
            proxy_cache_key $scheme$http_host$request_uri;
            proxy_cache_valid 200 10m;
            proxy_cache_lock on;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""
# Debian puts it where only root's PATH leads.
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CHAT, ANALYTICS, PIXEL = "drift", "amplitude", "facebook-pixel"
# A page in several languages is kept once for each.
LANGUAGE = "en"


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def is_up(port: int) -> bool:
    with socket.socket() as caller:
        caller.settimeout(0.2)
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def nginx(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real nginx with an empty page cache before the site; its address."""
    if NGINX is None:
        missing = "nginx is missing (on Debian: apt-get install nginx-light)"
        if os.environ.get("NGINX_REQUIRED"):
            pytest.fail(missing)
        pytest.skip(missing)
    folder, port = tmp_path_factory.mktemp("nginx"), unused_port()
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, origin=site.address, user=user)
    )
    with subprocess.Popen([NGINX, "-c", configuration, "-p", folder]) as process:
        try:
            wait_for(process, port, folder)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    while not is_up(port):
        assert process.poll() is None, folder.joinpath("error.log").read_text()


@pytest.fixture(autouse=True)
def _cacheable(settings: Any) -> None:
    settings.CONSENT_DELIVERY = "cacheable"


@pytest.fixture
def come(enter: Enter, nginx: str, site: Site) -> Callable[..., Visitor]:
    """A function that lets in a visitor by way of nginx, with a decision if any is given."""
    revision = Policy.objects.get(is_default=True).revision

    def let_in(*granted: str, decided: bool = True, **options: Any) -> Visitor:
        visitor = enter(address=nginx, locale=LANGUAGE, **options)
        if decided:
            visitor.has_decided(*granted, revision=revision)
        return visitor

    return let_in


def fetch(address: str, cookie: str = "") -> tuple[str, bytes]:
    """Return what nginx says of its cache, and the page."""
    headers = {"Accept-Language": LANGUAGE, **({"Cookie": f"consent={cookie}"} if cookie else {})}
    request = Request(address, headers=headers)  # noqa: S310
    with urlopen(request) as response:  # noqa: S310
        return response.headers["X-Cache"], response.read()


def runs(visitor: Visitor, tool: str) -> bool:
    """Say whether the visitor's browser asked for a tool."""
    return bool(asked_of(catalogue()[tool], visitor.requests))


def test_visitors_with_opposite_choices_share_a_page_and_each_gets_only_their_tools(come, nginx):
    page = "/journal/?opposite"
    first, second = come("marketing-analytics"), come("advertising")

    pages = [visitor.goto(page) for visitor in (first, second)]
    for visitor in (first, second):
        visitor.settle()

    assert pages[0] == pages[1]
    assert fetch(nginx + page)[0] == "HIT"
    assert [runs(first, ANALYTICS), runs(first, PIXEL)] == [True, False]
    assert [runs(second, ANALYTICS), runs(second, PIXEL)] == [False, True]


def test_page_is_kept_once_for_all(nginx, policy):
    page = f"{nginx}/privacy/?once"
    cookies = ("", f"1.{policy.revision}.20000.functional_{policy.revision}", "nonsense")

    answers = [fetch(page, cookie) for cookie in cookies]

    assert [state for state, _ in answers] == ["MISS", "HIT", "HIT"]
    assert len({body for _, body in answers}) == 1


def test_returning_visitor_costs_the_origin_nothing(come, nginx):
    page = "/journal/?returning"
    come(*OPTIONAL).goto(page)
    visitor = come(*OPTIONAL)
    answers: list[tuple[str, str]] = []
    visitor.page.on(
        "response",
        lambda response: answers.append(
            (urlsplit(response.url).path, response.headers.get("x-cache", ""))
        ),
    )

    visitor.goto(page)
    visitor.settle()

    own = [(path, state) for path, state in answers if state]
    assert any(path.startswith("/consent/tools/") for path, _ in own)
    assert [path for path, state in own if state != "HIT" and not path.startswith("/static/")] == []


def test_who_refused_everything_asks_for_no_tools_at_all(come):
    visitor = come()

    visitor.goto("/journal/?refused")
    visitor.settle()

    assert visitor.requests == []
    assert not any(urlsplit(each.url).path.startswith("/consent/") for each in visitor.own_requests)


def test_choice_made_on_a_cached_page_holds_there_and_on_the_next(come, nginx):
    come(decided=False).goto("/journal/?choice")
    visitor = come(decided=False)
    visitor.goto("/journal/?choice")
    expect(visitor.notice).to_be_visible()

    with visitor.following():
        visitor.press("Accept all", visitor.notice)
        expect(visitor.notice).not_to_be_visible()
    visitor.page.wait_for_function("() => window.consent.allows('advertising')")
    before = len(visitor.requests)
    visitor.goto("/journal/?choice")
    visitor.settle()

    assert before
    assert runs(visitor, PIXEL)
    expect(visitor.notice).not_to_be_visible()


def test_page_that_is_older_than_the_policy_gets_the_tools_of_now(come, policy, nginx):
    page, choice = "/journal/?older", ("functional", "marketing-analytics")
    come(decided=False).goto(page)
    visitor = come(*choice)
    Tool.objects.get(key=CHAT).delete()

    assert fetch(nginx + page)[0] == "HIT"
    visitor.goto(page)
    visitor.settle()

    asked = [each for each in visitor.own_requests if "/consent/tools/" in each.url]
    assert len(asked) == 1
    assert [runs(visitor, CHAT), runs(visitor, ANALYTICS)] == [False, True]


def test_preferences_and_api_are_never_kept(nginx):
    for path in ("/consent/preferences/", "/consent/api/preferences/", "/consent/notice.css"):
        states = [fetch(nginx + path)[0] for _ in range(2)]
        assert "HIT" not in states, path
