"""Benchmark runs that somebody starts in the API of `chatprobe serve`: each is `chatprobe bench` in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli.codes import INTERRUPTED
from cli.given import Given
from exporter.web.api.models import RunAsked, RunState
from exporter.web.api.runs import RunRefusedError
from probes.extras import missing

KEPT_RUNS = 20
KEPT_LINES = 200
LONGEST_LINE = 500
"""Characters."""
ENDS_WITHIN_SECONDS = 10.0
"""When chatprobe stops, a run has so long to keep what was measured."""


class StartedBench:
    """Starts runs, one at a time, with the files and targets that are served."""

    def __init__(self, configs: Sequence[Path], targets: Sequence[Given], results: Path) -> None:
        self._given = [*(f"--config={path}" for path in configs), *(f"--target={target}" for target in targets)]
        self._results = results
        self._runs: dict[str, _Run] = {}

    async def start(self, asked: RunAsked) -> RunState:
        """Start a run. Raises `RunRefusedError`."""
        if (lacking := missing("bench")) is not None:
            raise RunRefusedError(f"benchmark runs need {lacking}", busy=False)
        if any(run.goes_on for run in self._runs.values()):
            raise RunRefusedError("another run goes on; wait for its end, or cancel it", busy=True)
        at = datetime.now(UTC)
        run = _Run(str(round(at.timestamp() * 1000)), asked, at)
        self._runs[run.number] = run  # before anything is waited for: a second one that is asked for meanwhile is refused
        try:
            await run.begin([sys.executable, "-m", "cli", "bench", *_options(asked), *self._given, f"--output-dir={self._results}"])
        except OSError as error:
            del self._runs[run.number]
            raise RunRefusedError(f"the run cannot be started: {error.strerror}", busy=False) from error
        for old in list(self._runs)[:-KEPT_RUNS]:
            del self._runs[old]
        return run.state

    def all(self) -> Sequence[RunState]:
        """The last runs that were started here, newest first."""
        return [run.state for run in reversed(self._runs.values())]

    def get(self, run: str) -> RunState | None:
        """One of them; None where there is none with this id."""
        found = self._runs.get(run)
        return None if found is None else found.state

    async def after(self, state: RunState) -> RunState:
        """The run once it is another than that."""
        return await self._runs[state.id].after(state)

    def cancel(self, run: str) -> None:
        """As Ctrl-C does: once ends the run and keeps what was measured, twice stops at once."""
        self._runs[run].cancel()

    async def close(self) -> None:
        """End the run that goes on."""
        await asyncio.gather(*(run.close() for run in self._runs.values() if run.goes_on))


class _Run:
    """One run, and what it has said so far."""

    def __init__(self, number: str, asked: RunAsked, at: datetime) -> None:
        self.number = number
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._state = RunState(id=number, state="running", asked=asked, started_at=at, ended_at=None, exit_code=None, lines=[])

    @property
    def state(self) -> RunState:
        """How it stands."""
        return self._state.model_copy(update={"lines": list(self._lines)})

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self._state.ended_at is None

    async def begin(self, command: Sequence[str]) -> None:
        """Start the process, in a session of its own: signals that are for the exporter do not reach it. Raises `OSError`."""
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=2**20,
        )
        self._reading = asyncio.create_task(self._follow(self._process))

    async def after(self, state: RunState) -> RunState:
        """How it stands once that is another than this."""
        while (now := self.state) == state:
            self._changed.clear()
            await self._changed.wait()
        return now

    def cancel(self) -> None:
        """Interrupt it."""
        if self.goes_on and self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            self._become(state="stopping")

    async def close(self) -> None:
        """Interrupt it, and kill it if that does not help."""
        self.cancel()
        if self._reading is None:
            return
        await asyncio.wait({self._reading}, timeout=ENDS_WITHIN_SECONDS)
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._reading

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await _line(process.stdout):
            self._lines.append(line.decode(errors="replace").rstrip()[:LONGEST_LINE])
            self._changed.set()
        code = await process.wait()
        ended = "cancelled" if code == INTERRUPTED or code < 0 else "failed" if code else "done"
        self._become(state=ended, exit_code=code, ended_at=datetime.now(UTC))

    def _become(self, **changed: object) -> None:
        self._state = self._state.model_copy(update=changed)
        self._changed.set()


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # it is longer than the limit, and was thrown away
        return b"\n"


def _options(asked: RunAsked) -> list[str]:
    """What of `chatprobe bench` is asked for."""
    given = {
        "--targets": None if asked.targets is None else ",".join(asked.targets),
        "--duration": None if asked.duration_seconds is None else f"{asked.duration_seconds}s",
        "--rounds": asked.rounds,
        "--users": asked.users,
    }
    return [asked.preset, "--no-progress", *(f"{option}={value}" for option, value in given.items() if value is not None)]
