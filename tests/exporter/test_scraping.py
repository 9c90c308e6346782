from __future__ import annotations

import asyncio
import gzip
import sys
import threading
from collections.abc import Callable, Set

import pytest

from exporter.web.exposition import AbandonedError
from exporter.web.scraping import Answer, Coding, Scrapes, preferred_coding
from tests.waiting import PATIENCE_SECONDS, eventually

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b"chatprobe_probes_total 1.0\n" * 40_000


class Slow:
    """An exposition that goes on when it is let, and notices when it is abandoned."""

    def __init__(self) -> None:
        self.begun = 0
        self.given_up = threading.Event()
        self.let = threading.Event()

    def render(self, accept: str, names: Set[str] = frozenset(), abandoned: Callable[[], bool] = lambda: False) -> tuple[bytes, str]:
        self.begun += 1
        while not self.let.wait(0.005):
            if abandoned():
                self.given_up.set()
                raise AbandonedError
        return BODY, accept


@pytest.fixture
def slow() -> Slow:
    return Slow()


async def test_those_who_ask_for_the_same_at_the_same_time_share_one_rendering(slow: Slow) -> None:
    scrapes = Scrapes(slow)
    asking = [asyncio.create_task(scrapes.answer("text", "gzip")) for _ in range(5)]
    asking += [asyncio.create_task(scrapes.answer("text", "")), asyncio.create_task(scrapes.answer("text", "", frozenset({"one"})))]
    await eventually(lambda: slow.begun >= 3)
    slow.let.set()
    answers = await asyncio.gather(*asking)
    assert slow.begun == 3
    assert all(answer is answers[0] for answer in answers[:5])
    assert await scrapes.answer("text", "") == Answer(BODY, "text", "identity")
    assert slow.begun == 4, "the one before is over"


async def test_a_scrape_goes_on_while_one_waits_and_stops_when_nobody_does(slow: Slow) -> None:
    scrapes = Scrapes(slow)
    first, second = (asyncio.create_task(scrapes.answer("text", "")) for _ in range(2))
    await eventually(lambda: slow.begun >= 1)
    first.cancel()
    assert not await asyncio.to_thread(slow.given_up.wait, 0.1)
    second.cancel()
    assert await asyncio.to_thread(slow.given_up.wait, PATIENCE_SECONDS)
    slow.let.set()
    assert (await scrapes.answer("text", "")).body == BODY


async def test_what_breaks_is_told_to_all_who_wait() -> None:
    class Torn:
        def render(self, *_: object) -> tuple[bytes, str]:
            raise ZeroDivisionError

    scrapes = Scrapes(Torn())
    told = await asyncio.gather(*(scrapes.answer("", "") for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in told] == [ZeroDivisionError] * 3


@pytest.mark.parametrize(("coding", "opened"), [("gzip", gzip.decompress), ("zstd", zstd.decompress)])
async def test_what_is_compressed_is_the_same(slow: Slow, coding: Coding, opened: Callable[[bytes], bytes]) -> None:
    slow.let.set()
    answer = await Scrapes(slow).answer("text", coding)
    assert answer.coding == coding
    assert len(answer.body) < len(BODY) / 100
    assert opened(answer.body) == BODY


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("gzip;q=0", "identity"),
        ("gzip; q=0.000", "identity"),
        ("deflate", "identity"),
        ("identity", "identity"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("gzip;q=0.1, zstd;q=0", "gzip"),
    ],
)
def test_the_coding_that_is_liked_best(header: str, expected: Coding) -> None:
    assert preferred_coding(header) == expected
