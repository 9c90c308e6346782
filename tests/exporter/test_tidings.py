"""What the log says of discovery, while what is wrong with it changes from moment to moment."""

from __future__ import annotations

from structlog.testing import capture_logs
from structlog.types import EventDict

from exporter.tidings import TELL_AGAIN_SECONDS, Spell
from tests.traffic.fakes import SECOND_NS

HANGS = "services of llm: the API server hangs"
AWAY = "services of llm, routes of llm: the API server cannot be reached"
REFUSED = "nodes: no right to nodes in the whole cluster (403); grant it by a role"


def lines(*moments: tuple[float, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Level and problem of each line, where these are the problems at these seconds."""
    spell = Spell()
    with capture_logs() as log:
        for second, problems in moments:
            spell.log(problems, round(second * SECOND_NS))
    return [_line(each) for each in log]


def _line(each: EventDict) -> tuple[str, str]:
    return each["log_level"], each.get("problem", each["event"])


def test_trouble_is_a_line_when_it_begins_and_one_when_all_is_well() -> None:
    told = lines((0, ()), (5, (HANGS,)), (10, (HANGS, AWAY)), (15, (AWAY,)), (60, (AWAY,)), (90, (HANGS,)), (125, ()), (130, ()), (200, (AWAY,)))
    assert told == [("warning", HANGS), ("info", "discovery of targets: all is well again"), ("warning", AWAY)]


def test_all_that_is_wrong_stands_in_the_line() -> None:
    assert lines((0, (HANGS, REFUSED))) == [("warning", f"{HANGS} | {REFUSED}")]


def test_other_trouble_than_was_told_is_told_after_a_while() -> None:
    """A right that is always missing must not hide that the API server goes away, nor that it comes back."""
    later = 1_000 + TELL_AGAIN_SECONDS
    told = lines((0, (REFUSED,)), (500, (REFUSED,)), (1_000, (AWAY, REFUSED)), (1_100, (REFUSED,)), (later - 1, (REFUSED,)), (later, (REFUSED,)))
    assert told == [("warning", REFUSED), ("warning", f"{AWAY} | {REFUSED}"), ("warning", REFUSED)]
