"""Server-sent events: an open page hears of the parts that have changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import structlog
from aiohttp import web

from exporter.web.pages.feeds import Feed
from exporter.web.security.streams import event_stream

EVERY_SECONDS = 1.0
QUIET_SECONDS = 15.0
"""After so long without news a comment is sent, so that nothing on the way takes the stream for dead."""
SLOW_SECONDS = 30.0
"""A reader who takes in nothing for so long is given up."""
LONGEST_SECONDS = 3600.0
"""After so long a stream ends, and its page opens another: whoever may not look any more finds out."""
RETRY_MS = 3000

_log = structlog.get_logger()


class _Watched:
    """One feed with those who follow it: made anew once for all of them, and only while there are any."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.followers = 0
        self.ticked = asyncio.Condition()
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.feed.refresh()
            except Exception:  # noqa: BLE001 - the edge of a request: whatever breaks, the next look comes
                _log.exception("a page could not be made anew")
            async with self.ticked:
                self.ticked.notify_all()


class Live:
    """The streams of all open pages. How many there may be, the port knows; a page beyond is not live, but whole."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._open: set[asyncio.Task[object]] = set()

    async def answer(self, request: web.Request, key: str, feed: Feed, since: int, arrangement: str) -> web.StreamResponse:
        """Tell of one page's changes until its reader goes. Raises 503 where too many streams are open.

        `since` is the revision, and `arrangement` the one, that the reader has.
        """
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        with event_stream(request):
            await self._stream(request, response, key, feed, since, arrangement)
        return response

    async def _stream(self, request: web.Request, response: web.StreamResponse, key: str, feed: Feed, since: int, arrangement: str) -> None:
        async with self._following(key, feed) as watched:
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(LONGEST_SECONDS):
                    await _tell(response, watched, since, arrangement)

    async def close(self, _: web.Application) -> None:
        """End all streams, so that the server can close."""
        for task in list(self._open):
            task.cancel()

    @asynccontextmanager
    async def _following(self, key: str, feed: Feed) -> AsyncIterator[_Watched]:
        watched = self._watched.get(key)
        if watched is None:
            watched = self._watched[key] = _Watched(feed)
            watched.task = asyncio.create_task(watched.run())
        watched.followers += 1
        task: asyncio.Task[object] | None = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            yield watched
        finally:
            self._open.discard(task)
            watched.followers -= 1
            if not watched.followers and watched.task is not None:
                watched.task.cancel()
                self._watched.pop(key, None)


async def _tell(response: web.StreamResponse, watched: _Watched, since: int, arrangement: str) -> None:
    """What has changed since that revision, again and again. Whoever is slow misses nothing but what is out of date."""
    feed, quiet_seconds = watched.feed, 0.0
    while True:
        if feed.arrangement != arrangement:
            await _write(response, "event: anew\ndata: .\n\n")
            return
        changed, since = feed.since(since), feed.revision
        if changed:
            await _write(response, f"event: parts\nid: {since}\ndata: {orjson.dumps(changed).decode()}\n\n")
            quiet_seconds = 0.0
        elif quiet_seconds >= QUIET_SECONDS:
            await _write(response, ": still here\n\n")
            quiet_seconds = 0.0
        async with watched.ticked:
            await watched.ticked.wait()
        quiet_seconds += EVERY_SECONDS


async def _write(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await response.write(text.encode())
