"""Streams of events that clients hold open: so many at once, and no more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from aiohttp import web

from exporter.web.security.rates import holder_of

_OF_ALL = 4
"""One address may hold a share of all streams: one in so many."""


class EventStreams:
    """Counts the streams that are held open, over all and by the client's address."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._by_holder: Counter[str] = Counter()
        self._transports: set[asyncio.Transport] = set()

    @property
    def held(self) -> int:
        """How many are open."""
        return self._by_holder.total()

    def renew(self, at_most: int) -> None:
        """Hold so many at most from now on. Those that are open end: clients open them anew, and show again who they are."""
        self._at_most = at_most
        for transport in self._transports:
            transport.abort()

    @contextmanager
    def hold(self, request: web.BaseRequest) -> Iterator[None]:
        """One more of them while the context lasts. Raises 503 where there are too many."""
        holder, transport = holder_of(request.remote or ""), request.transport
        if self.held >= self._at_most or self._by_holder[holder] >= max(1, self._at_most // _OF_ALL):
            raise web.HTTPServiceUnavailable(
                text="Too many streams of events are open; close some, or raise web: {limits: {event_streams: N}}.\n", headers={"Retry-After": "30"}
            )
        self._by_holder[holder] += 1
        if transport is not None:
            self._transports.add(transport)
        try:
            yield
        finally:
            self._by_holder[holder] -= 1
            self._by_holder += Counter()  # forgets addresses that hold none
            if transport is not None:
                self._transports.discard(transport)


EVENT_STREAMS = web.AppKey("event_streams", EventStreams)


def event_stream(request: web.Request) -> AbstractContextManager[None]:
    """What a handler holds while it streams events: `with event_stream(request): ...`. Raises 503 where there are too many."""
    return request.config_dict[EVENT_STREAMS].hold(request)
