"""The bytes that the engines send, and what an adapter reads in them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from probes.backends import form
from probes.backends.base import Event
from probes.framing import framer

FIXTURES = Path(__file__).parent / "fixtures"

ReadBody = Callable[[str], bytes]
ReadEvents = Callable[..., list[Event]]


@pytest.fixture
def body_of() -> ReadBody:
    """The bytes of a fixture file."""
    return lambda name: (FIXTURES / name).read_bytes()


@pytest.fixture
def events_of() -> ReadEvents:
    """The events that a backend reads in a fixture file, whose folder names the backend, by way of its framing."""

    def read(name: str, api: str = "chat") -> list[Event]:
        backend = form(name.partition("/")[0], api)
        cutter = framer(backend.framing)
        frames = cutter.feed((FIXTURES / name).read_bytes()) + cutter.close()
        return [backend.read(frame.data) for frame in frames if frame.data]

    return read
