"""Logs: `key=value` lines on standard error, written by a thread of their own."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from exporter.lines import LineWriter
from probes.failure import Failure
from probes.record import ChatRecord
from traffic.events import Breaker, Event
from traffic.roster import Roster
from traffic.schedule import NANOSECONDS

QUEUED_LINES = 10_000
SAME_FAILURE_EVERY_NS = 60 * NANOSECONDS


def start_logging(level: str, descriptor: int | None = None) -> LineWriter:
    """Send structlog's and the standard library's logs to a file descriptor, standard error unless told otherwise."""
    writer = LineWriter(sys.stderr.fileno() if descriptor is None else descriptor, at_most=QUEUED_LINES)
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: _Lines(writer),
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[_Forward()], force=True)
    return writer


class _Lines:
    """What structlog calls with a finished line."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def msg(self, line: str) -> None:
        self._writer.write(line.encode(errors="backslashreplace"))

    debug = info = warning = error = critical = exception = log = msg


class _Forward(logging.Handler):
    """Hands the standard library's records (asyncio, aiohttp) to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


class ProbeLog:
    """A sink that logs failed chats and open breakers, and that they have ended.

    Of each kind (target, scenario, reason) the first is logged at once, then one a minute, with how many there were between.
    """

    def __init__(self) -> None:
        self._log: Any = structlog.get_logger()
        self._logged_ns: dict[tuple[str, str, str], int] = {}
        self._unlogged: dict[tuple[str, str, str], int] = {}
        self._open: set[str] = set()

    def follow(self, roster: Roster) -> None:
        """Forget the failures of whom nobody chats with any more."""
        for kind in [kind for kind in self._logged_ns if kind[0] not in roster.members or kind[1] not in roster.config.scenarios]:
            del self._logged_ns[kind]
            self._unlogged.pop(kind, None)
        self._open &= roster.members.keys()

    def __call__(self, event: Event) -> None:
        match event:
            case Breaker():
                self._broken(event)
            case ChatRecord(failure=Failure() as failure):
                self._failed(event, failure.reason.value, failure.detail)
            case ChatRecord(outcome="ok"):
                self._succeeded(event)

    def _broken(self, breaker: Breaker) -> None:
        if breaker.open:
            self._open.add(breaker.target)
            self._log.warning("breaker opened: the target failed several chats in a row, and is tried once in a while", target=breaker.target)
        elif breaker.target in self._open:
            self._open.remove(breaker.target)
            self._log.info("breaker closed: the target answers again", target=breaker.target)

    def _failed(self, record: ChatRecord, reason: str, detail: str) -> None:
        kind = (record.target, record.scenario, reason)
        if kind in self._logged_ns and record.ended_ns - self._logged_ns[kind] < SAME_FAILURE_EVERY_NS:
            self._unlogged[kind] = self._unlogged.get(kind, 0) + 1
            return
        self._logged_ns[kind] = record.ended_ns
        self._log.warning(
            "probe failed",
            target=record.target,
            scenario=record.scenario,
            reason=reason,
            detail=detail,
            model=record.model,
            request_id=record.request_id,
            alike_since_last_line=self._unlogged.pop(kind, 0),
        )

    def _succeeded(self, record: ChatRecord) -> None:
        mended = [kind for kind in self._logged_ns if kind[:2] == (record.target, record.scenario)]
        if mended:
            self._log.info("probe succeeds again", target=record.target, scenario=record.scenario)
        for kind in mended:
            del self._logged_ns[kind]
            self._unlogged.pop(kind, None)
