"""Benchmark runs that are started, followed and cancelled over HTTP. Who holds them stands outside: the exporter knows no `bench`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

from aiohttp import web

from exporter.web.api.models import RunAsked, RunState
from exporter.web.api.operations import NDJSON, Asked
from exporter.web.api.presence import LOOKED_AFTER_SECONDS, is_there
from exporter.web.api.problems import ProblemError
from exporter.web.security.streams import event_stream


class RunRefusedError(Exception):
    """A run is not started. The text says why; `busy` whether it would be, once another one has ended."""

    def __init__(self, why: str, *, busy: bool) -> None:
        super().__init__(why)
        self.busy = busy


class Bench(Protocol):
    """Holds benchmark runs, one at a time."""

    async def start(self, asked: RunAsked) -> RunState:
        """Start a run. Raises `RunRefusedError`."""
        ...

    def all(self) -> Sequence[RunState]:
        """The last runs that were started here, newest first."""
        ...

    def get(self, run: str) -> RunState | None:
        """One of them; None where there is none with this id."""
        ...

    def cancel(self, run: str) -> None:
        """Have a run end soon; what was measured is kept."""
        ...

    async def after(self, state: RunState) -> RunState:
        """A run that goes on, once it is another than it was in this state."""
        ...

    async def close(self) -> None:
        """End what goes on."""
        ...


class NoBench:
    """Holds none: nobody here can."""

    async def start(self, asked: RunAsked) -> RunState:
        """Never started."""
        raise RunRefusedError("benchmark runs are not held here; install chatprobe[bench], and start them by chatprobe serve", busy=False)

    def all(self) -> Sequence[RunState]:
        """There are none."""
        return ()

    def get(self, run: str) -> RunState | None:
        """There is none."""
        return None

    def cancel(self, run: str) -> None:
        """There is none."""

    async def after(self, state: RunState) -> RunState:
        """There is none."""
        return state

    async def close(self) -> None:
        """Nothing goes on."""


class Runs:
    """Answers what is asked of benchmark runs."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def start(self, asked: Asked) -> RunState:
        """Start a run."""
        try:
            return await self._bench.start(asked.body)
        except RunRefusedError as error:
            status = HTTPStatus.CONFLICT if error.busy else HTTPStatus.NOT_IMPLEMENTED
            raise ProblemError(status, f"{error}.") from None

    async def all(self, _: Asked) -> list[RunState]:
        """The runs that were started here, newest first."""
        return list(self._bench.all())

    async def one(self, asked: Asked) -> RunState:
        """One run."""
        return self._get(asked)

    async def cancel(self, asked: Asked) -> RunState:
        """Have a run end."""
        self._get(asked)
        self._bench.cancel(asked.path["id"])
        return self._get(asked)

    async def follow(self, asked: Asked) -> web.StreamResponse:
        """How a run stands whenever that changes, a line each, until it has ended."""
        state = self._get(asked)
        with event_stream(asked.request):
            response = web.StreamResponse(headers={"Content-Type": NDJSON, "X-Accel-Buffering": "no"})
            await response.prepare(asked.request)
            with contextlib.suppress(ConnectionError):
                await response.write(_line(state))
                while state.ended_at is None and is_there(asked.request):
                    with contextlib.suppress(TimeoutError):
                        state = await asyncio.wait_for(self._bench.after(state), LOOKED_AFTER_SECONDS)
                        await response.write(_line(state))
        return response

    def _get(self, asked: Asked) -> RunState:
        found = self._bench.get(asked.path["id"])
        if found is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "There is no run with this id that was started here.")
        return found


def _line(state: RunState) -> bytes:
    return state.model_dump_json().encode() + b"\n"
