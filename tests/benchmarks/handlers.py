"""Requests as a browser sends them, through each of Django's two handlers."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter_ns
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler

from tests.benchmarks.settings import HOST

# Not timed, before each batch: another process had the processor, and its caches, until now.
WARM_UP = 2
CHOICES = {"functional": True, "marketing-analytics": False, "advertising": False}
_API = "/consent/api/preferences/"
_HEADERS = {
    "host": HOST,
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "accept-language": "en-GB,en;q=0.9",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
}
_API_HEADERS = {**_HEADERS, "accept": "application/json", "sec-fetch-dest": "empty"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, to be made again and again."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @classmethod
    def of(cls, page: str, visitor: str, cookie: str) -> Call:
        """Return the request for ``page`` by ``visitor``, who sends ``cookie``."""
        sent = {"cookie": cookie} if cookie else {}
        if page == "read":
            return cls("GET", _API, {**_API_HEADERS, **sent})
        if page.startswith("write"):
            body = json.dumps({"choices": CHOICES}).encode()
            headers = {"content-type": "application/json", "content-length": str(len(body))}
            return cls("PUT", _API, {**_API_HEADERS, **headers, **sent}, body)
        path = {"page": "/", "padded": f"/padded/{visitor}/"}.get(page, f"/{page}/")
        return cls("GET", path, {**_HEADERS, **sent})

    def environ(self) -> dict[str, Any]:
        """Return it as a WSGI server does."""
        unprefixed = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "SERVER_NAME": HOST,
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "192.0.2.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            **{
                unprefixed.get(name, f"HTTP_{name.upper().replace('-', '_')}"): value
                for name, value in self.headers.items()
            },
        }

    def scope(self) -> dict[str, Any]:
        """Return it as an ASGI server does."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
            "client": ("192.0.2.1", 50000),
            "server": (HOST, 80),
        }


class Handlers:
    """Django's handlers, kept for the life of the process as a server keeps them."""

    def __init__(self) -> None:
        self._wsgi = WSGIHandler()
        self._asgi = ASGIHandler()
        self._loop = asyncio.new_event_loop()

    def body(self, call: Call) -> bytes:
        """Return the body of the response, which has to be a good one."""
        return self._answer(call.environ(), call.body, self._good_status)

    def microseconds(self, call: Call, mode: str, requests: int) -> float:
        """Return how long a request takes on average, from the server's data to the last byte.

        As `timeit` does, the garbage collector waits meanwhile.
        """
        if mode == "async":
            return self._loop.run_until_complete(self._async_microseconds(call, requests))
        environ = call.environ()
        for _ in range(WARM_UP):
            self._answer(environ.copy(), call.body, _start_response)
        with _NoGarbageCollection():
            start = perf_counter_ns()
            for _ in range(requests):
                self._answer(environ.copy(), call.body, _start_response)
            return (perf_counter_ns() - start) / requests / 1000

    def _answer(self, environ: dict[str, Any], body: bytes, start: Callable[..., Any]) -> bytes:
        environ["wsgi.input"] = BytesIO(body)
        response = self._wsgi(environ, start)
        content = b"".join(response)
        response.close()
        return content

    async def _async_microseconds(self, call: Call, requests: int) -> float:
        scope = call.scope()
        for _ in range(WARM_UP):
            await self._async_answer(scope.copy(), call.body)
        with _NoGarbageCollection():
            start = perf_counter_ns()
            for _ in range(requests):
                await self._async_answer(scope.copy(), call.body)
            return (perf_counter_ns() - start) / requests / 1000

    async def _async_answer(self, scope: dict[str, Any], body: bytes) -> None:
        response = await self._asgi.get_response_async(ASGIRequest(scope, BytesIO(body)))
        self._good_status(str(response.status_code))

    @staticmethod
    def _good_status(status: str, *arguments: Any) -> None:
        if not status.startswith("200"):
            raise RuntimeError(f"The website answered {status}.")


def _start_response(status: str, headers: list[tuple[str, str]]) -> None:
    """Take what a server would send."""


class _NoGarbageCollection:
    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *exception: object) -> None:
        gc.enable()
