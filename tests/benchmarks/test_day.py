"""What a day of chats leaves in memory, as `benchmarks.day` plays it, with few chats of few targets."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from benchmarks.day import hours
from exporter.history.kept import Wanted
from exporter.history.timeline import DAY, HOUR
from tests.exporter.pages.stage import Stage, many

TARGETS, CHATS_AN_HOUR, KEPT_HOURS, HOURS = 2, 6, 3, 48


@pytest.fixture
def stage() -> Stage:
    """With a history of some hours."""
    config = many(TARGETS).config
    settings = config.history.model_copy(update={"keep_seconds": KEPT_HOURS * HOUR})
    slos = {name: slo.model_copy(update={"window_seconds": DAY}) for name, slo in config.slos.items()}
    return Stage(config.model_copy(update={"history": settings, "slos": slos}))


async def test_a_day_more_leaves_nothing_more(stage: Stage) -> None:
    taken = {}
    tracemalloc.start()
    try:
        async for hour in hours(stage, HOURS, HOURS * CHATS_AN_HOUR):
            if hour.number in (24, 48):
                gc.collect()
                taken[hour.number], _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert hour.chats == HOURS * CHATS_AN_HOUR
    assert len(stage.history.find(Wanted(limit=1000))) <= KEPT_HOURS * CHATS_AN_HOUR + 1
    assert taken[48] - taken[24] < 20_000
