"""An ASGI application that stores, when its server ends, what its process keeps in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async

Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Receive, Send], Awaitable[None]]


def with_lifespan(application: Application) -> Application:
    """Return ``application``, which then also answers the lifespan protocol.

    Refusals that wait for the database, counted pages and what other apps keep are stored as the
    server ends. Other servers run Python to its end, where that happens anyway; uvicorn ends by a
    signal.
    https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """

    async def answering(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return answering


async def _live(receive: Receive, send: Send) -> None:
    # Imported late: an ASGI module is loaded before Django's apps are.
    from consent.proof import background

    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await sync_to_async(background.end)()
    await send({"type": "lifespan.shutdown.complete"})
