"""The file of records: every chat as a line of JSON, in the shape of `chatprobe probe --output json`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import structlog

from exporter.lines import LineWriter
from probes.record import ChatRecord
from traffic.events import Event

QUEUED_RECORDS = 2_000
"""About 50 MB, if each has a thousand tokens."""


class RecordFile:
    """A sink that appends records to a file. A record that cannot be written is lost and counted; probing goes on.

    The answers' text is private, and left out unless `text` is set.
    """

    def __init__(self, writer: LineWriter, *, text: bool = False) -> None:
        self._writer = writer
        self._text = text

    @property
    def lost(self) -> int:
        """Records given up so far."""
        return self._writer.lost

    def __call__(self, event: Event) -> None:
        if isinstance(event, ChatRecord):
            self._writer.write(orjson.dumps(event.to_json(text=self._text)))


@contextmanager
def record_file(path: Path, *, text: bool = False) -> Iterator[RecordFile]:
    """Append to the file, and create it where there is none. Raises `OSError` if it cannot be opened."""
    log = structlog.get_logger()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    writer = LineWriter(
        descriptor,
        at_most=QUEUED_RECORDS,
        on_error=lambda error: log.error("a record was not written", file=str(path), detail=error.strerror),
    )
    try:
        yield RecordFile(writer, text=text)
    finally:
        writer.close()
        os.close(descriptor)
