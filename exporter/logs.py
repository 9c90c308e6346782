"""Logs: `key=value` lines on standard error, written by a thread of their own."""

from __future__ import annotations

import logging
import sys
from itertools import combinations
from typing import Any

import structlog

from exporter.alike import Limit
from exporter.lines import LineWriter
from probes.failure import Failure
from probes.record import ChatRecord
from traffic.events import Breaker, Event, Pair, Skip, SkipReason
from traffic.pairs import Undecided, undecided
from traffic.roster import Roster

QUEUED_LINES = 10_000


def start_logging(level: str, descriptor: int | None = None) -> LineWriter:
    """Send structlog's and the standard library's logs to a file descriptor.

    It is standard error unless one is given.
    """
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
        """Write one line. Of what would move a terminal's cursor or turn its text around, it has the escapes: names may be others'."""
        seen = line if line.isprintable() else "".join(mark if mark.isprintable() else _escaped(mark) for mark in line)
        self._writer.write(seen.encode(errors="backslashreplace"))

    debug = info = warning = error = critical = exception = log = msg


def _escaped(mark: str) -> str:
    return mark.encode("unicode_escape").decode("ascii")


class _Forward(logging.Handler):
    """Hands the standard library's records (asyncio, aiohttp) to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)


_AS_WANTED = frozenset({SkipReason.INACTIVE, SkipReason.LOADING})
"""Chats that are not sent for these are no trouble; that a model is loaded is logged by itself."""


class ProbeLog:
    """A sink that logs failed chats, chats that were not sent, open breakers, and when each of these has ended.

    Of each kind (target, scenario, reason) the first is logged at once, then one a minute, with how many there were in
    between. They have ended when there were none for a minute: an engine that fails one chat in five serves the others,
    and a bound that is full lets some through. Each failure for itself is logged at `debug`.
    """

    def __init__(self) -> None:
        self._log: Any = structlog.get_logger()
        self._failures = Limit()
        self._skips = Limit()
        self._rests = Limit()
        self._unfair = Limit()
        self._open: set[str] = set()

    def forget_others(self, roster: Roster) -> None:
        """Forget what was logged of targets and scenarios that are not in this roster."""
        scenarios = roster.config.scenarios
        for limit in (self._failures, self._skips, self._rests, self._unfair):
            limit.keep(lambda target, scenario: target in roster.members and scenario in scenarios and scenarios[scenario].covers(target))
        self._open &= roster.members.keys()

    def __call__(self, event: Event) -> None:
        match event:
            case Breaker():
                self._broken(event)
            case Skip():
                self._skipped(event)
            case Pair():
                self._compared(event)
            case ChatRecord(outcome="cancelled"):
                pass
            case ChatRecord():
                self._chatted(event)

    def _broken(self, breaker: Breaker) -> None:
        if breaker.open:
            self._open.add(breaker.target)
            self._log.warning("breaker opened: the target failed several chats in a row, and is tried once in a while", target=breaker.target)
        elif breaker.target in self._open:
            self._open.remove(breaker.target)
            self._log.info("breaker closed: the target answers again", target=breaker.target)

    def _skipped(self, skip: Skip) -> None:
        if skip.reason is SkipReason.BREAKER:
            return  # that it opened is logged, and that it closed
        resting = skip.reason in _AS_WANTED
        alike = (self._rests if resting else self._skips).due((skip.target, skip.scenario, skip.reason), skip.at, skip.count)
        if alike is not None:
            (self._log.debug if resting else self._log.warning)(
                "chat not sent",
                target=skip.target,
                scenario=skip.scenario,
                reason=skip.reason.value,
                count=skip.count,
                alike_since_last_line=alike,
            )

    def _compared(self, pair: Pair) -> None:
        """That something gathers tokens is told of the chats themselves."""
        for one, other in combinations(pair.sides, 2):
            if undecided(one, other) is not Undecided.INPUT_TOKENS:
                continue
            first, second = one.record, other.record
            assert first is not None
            assert second is not None
            alike = self._unfair.due((one.target, pair.scenario, other.target), first.started_at)
            if alike is not None:
                self._log.warning(
                    "pair undecided: the engines did not get the same prompt, by their own counts; compare their chat templates",
                    target=one.target,
                    peer=other.target,
                    scenario=pair.scenario,
                    input_tokens=first.input_tokens,
                    input_tokens_of_peer=second.input_tokens,
                    prompt_id=first.prompt_id,
                    alike_since_last_line=alike,
                )

    def _chatted(self, record: ChatRecord) -> None:
        ended_at = record.started_at + record.e2e_seconds
        kind = (record.target, record.scenario)
        log = self._log.bind(target=record.target, scenario=record.scenario)
        if self._rests.ended(kind, ended_at, after_seconds=0) is not None:
            log.debug("chats are sent again")
        if (alike := self._skips.ended(kind, ended_at)) is not None:
            log.info("chats are sent again", skips_since_last_line=alike)
        if record.failure is not None:
            self._failed(record, record.failure, ended_at)
        elif (alike := self._failures.ended(kind, ended_at)) is not None:
            log.info("probe succeeds again", failures_since_last_line=alike)

    def _failed(self, record: ChatRecord, failure: Failure, at: float) -> None:
        check = {} if record.failed_check is None else {"failed_check": record.failed_check, "answer_head": record.answer_head}
        alike = self._failures.due((record.target, record.scenario, failure.reason, record.failed_check or ""), at)
        log = self._log.bind(
            target=record.target,
            scenario=record.scenario,
            reason=failure.reason.value,
            detail=failure.detail,
            **check,
            model=record.model,
            request_id=record.request_id,
        )
        if alike is None:
            log.debug("probe failed")
        else:
            log.warning("probe failed", alike_since_last_line=alike)
