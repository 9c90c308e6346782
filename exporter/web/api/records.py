"""Chats of the history: page by page, one by one, or as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

from exporter.history.keeping import Keeping
from exporter.history.kept import Kept, Wanted, read_id
from exporter.negotiation import wishes
from exporter.web.api.models import MOST_RECORDS, WhichLive, WhichRecords
from exporter.web.api.operations import JSON, NDJSON, Asked
from exporter.web.api.presence import LOOKED_AFTER_SECONDS, is_there
from exporter.web.api.problems import ProblemError
from exporter.web.security.streams import event_stream

QUEUED = 1_000
"""Chats that wait for a client that reads slowly. When there are more, its stream ends."""


class Records:
    """Answers questions for chats."""

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping

    async def page(self, asked: Asked) -> web.Response:
        """The newest chats that are asked for, and where older ones are."""
        query: WhichRecords = asked.query
        before = None if query.before is None else read_id(query.before)
        found = await self._keeping.search(Wanted(query.target, query.scenario, query.failed, query.limit + 1, before))
        shown = found[: query.limit]
        headers = {"Vary": "Accept"}
        if len(found) > query.limit:
            older = urlencode({**asked.request.query, "before": shown[-1].id})
            headers["Link"] = f'<{asked.request.path}?{older}>; rel="next"'
        lines = map(written, shown)
        if wants_lines(",".join(asked.request.headers.getall("Accept", []))):
            return web.Response(body=b"".join(line + b"\n" for line in lines), content_type=NDJSON, headers=headers)
        return web.Response(body=b"[" + b",".join(lines) + b"]", content_type=JSON, headers=headers)

    async def one(self, asked: Asked) -> web.Response:
        """One chat."""
        kept = await self._keeping.chat(read_id(asked.path["id"]))
        if kept is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "There is no chat with this id, or it is not kept any more.")
        return web.Response(body=written(kept), content_type=JSON)

    async def live(self, asked: Asked) -> web.StreamResponse:
        """Each chat as it ends, a line each, until the client has enough."""
        query: WhichLive = asked.query
        with event_stream(asked.request):
            response = web.StreamResponse(headers={"Content-Type": NDJSON, "X-Accel-Buffering": "no"})
            await response.prepare(asked.request)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(query.for_seconds):
                    async for kept in self._followed(query, asked.request):
                        await response.write(written(kept) + b"\n")
        return response

    async def _followed(self, query: WhichLive, request: web.Request) -> AsyncIterator[Kept]:
        wanted = Wanted(query.target, query.scenario, query.failed, MOST_RECORDS)
        coming: asyncio.Queue[Kept | None] = asyncio.Queue(QUEUED)

        def hear(kept: Kept) -> None:
            if wanted.includes(kept):
                if coming.full():
                    end()
                    coming.get_nowait()
                    coming.put_nowait(None)
                else:
                    coming.put_nowait(kept)

        end = self._keeping.history.follow(hear)
        try:
            if query.after is not None:
                after = read_id(query.after)
                for kept in reversed(self._keeping.history.find(wanted)):
                    if kept.number > after:
                        yield kept
            while is_there(request):
                try:
                    following = await asyncio.wait_for(coming.get(), LOOKED_AFTER_SECONDS)
                except TimeoutError:
                    continue
                if following is None:
                    return
                yield following
        finally:
            end()


def written(kept: Kept) -> bytes:
    """The record with its id, as JSON."""
    return b'{"id":"%d",' % kept.number + kept.json[1:]


def wants_lines(accept: str) -> bool:
    """Whether an `Accept` header prefers a line for each chat to one array."""
    lines = array = 0.0
    for wish in wishes(accept):
        if wish.name == NDJSON:
            lines = max(lines, wish.quality)
        elif wish.name in (JSON, "application/*", "*/*"):
            array = max(array, wish.quality)
    return lines > array or (lines == array > 0)
