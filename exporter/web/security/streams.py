"""Streams of events that clients hold open: so many at once, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from aiohttp import web

_PER_ADDRESS = 4
"""One address may hold a share of all streams: one in so many."""


class EventStreams:
    """Counts the streams that are held open, over all and by the client's address."""

    def __init__(self, at_most: int) -> None:
        self.at_most = at_most
        self._held: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """How many are open."""
        return self._held.total()

    @contextmanager
    def hold(self, request: web.BaseRequest) -> Iterator[None]:
        """One more of them while the context lasts. Raises 503 where there are too many."""
        address = request.remote or ""
        if self.held >= self.at_most or self._held[address] >= max(1, self.at_most // _PER_ADDRESS):
            raise web.HTTPServiceUnavailable(
                text="Too many streams of events are open; close some, or raise web: {limits: {event_streams: N}}.\n", headers={"Retry-After": "30"}
            )
        self._held[address] += 1
        try:
            yield
        finally:
            self._held[address] -= 1
            self._held += Counter()  # forgets addresses that hold none


EVENT_STREAMS = web.AppKey("event_streams", EventStreams)


def event_stream(request: web.Request) -> AbstractContextManager[None]:
    """What a handler holds while it streams events: `with event_stream(request): ...`. Raises 503 where there are too many."""
    return request.config_dict[EVENT_STREAMS].hold(request)
