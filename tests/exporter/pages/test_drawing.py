from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.pages.drawing import (
    HEIGHT,
    SCALE,
    WIDTH,
    engine_parts,
    limit_is_drawn,
    phases,
    share_bar,
    sparkline,
    split_bar,
    tokens,
    waterfall,
)
from probes.failure import Reason
from probes.own_account import Native
from probes.record import ChatRecord
from tests.exporter.chats import MS, chat, chats, failed


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=80), st.none() | st.floats(0, 1e6))
def test_a_sparkline_is_within_its_frame_and_has_no_style_of_its_own(values: list[float | None], limit: float | None) -> None:
    drawn = ET.fromstring(sparkline(values, limit))
    assert "style" not in {name for element in drawn.iter() for name in element.attrib}
    for element in drawn:
        assert all(-0.1 <= x <= WIDTH + 0.1 and 0 <= y <= HEIGHT for x, y in points(element.attrib["d"]))


def test_higher_values_are_higher_and_gaps_are_left_open() -> None:
    line = next(element for element in ET.fromstring(sparkline([1, 2, None, 4, 8])) if element.attrib["class"] == "line")
    assert line.attrib["d"].count("M") == 2
    heights = [y for _, y in points(line.attrib["d"])]
    assert heights == sorted(heights, reverse=True)


def test_a_limit_far_away_would_press_the_line_to_the_ground_and_is_not_drawn() -> None:
    assert limit_is_drawn([0.03, None], 0.15)
    assert not limit_is_drawn([0.03], 1.0)
    assert not limit_is_drawn([], 1.0)
    assert not limit_is_drawn([0.03], None)
    assert 'class="limit"' in sparkline([0.03, 0.04], 0.15)
    assert 'class="limit"' not in sparkline([0.03, 0.04], 5.0)


@given(chats())
def test_a_waterfall_has_a_bar_for_each_phase_within_its_frame(record: ChatRecord) -> None:
    told = record.to_json()
    drawn = ET.fromstring(waterfall(told, record.e2e_seconds))
    bars = [element for element in drawn if element.tag == "rect"]
    assert len(bars) == len(phases(told)) + len(engine_parts(told))
    for bar in bars:
        assert 0 <= float(bar.attrib["x"]) <= SCALE
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= SCALE + 0.1


def test_ticks_stand_where_tokens_came_and_phases_follow_each_other() -> None:
    told = chat(tokens=3, ttft_ms=50, gap_ms=20).to_json()
    assert tokens(told) == pytest.approx([0.051, 0.071, 0.091], abs=0.0011)
    bars = phases(told)
    assert [bar.kind for bar in bars] == ["resolve", "connect", "send", "wait", "stream"]
    for before, after in itertools.pairwise(bars):
        assert after.begin_seconds == pytest.approx(before.begin_seconds + before.seconds)


def test_the_phase_in_which_a_chat_broke_is_marked() -> None:
    assert phases(failed(Reason.FIRST_TOKEN_TIMEOUT).to_json())[-1].kind == "wait broken"
    assert phases(chat().to_json())[-1].kind == "stream"


def test_the_engines_own_first_token_stands_where_ours_came() -> None:
    told = chat(native=Native(queue_seconds=0.01, prefill_seconds=0.03, decode_seconds=0.04)).to_json()
    first = tokens(told)[0]
    queue, prefill, decode = engine_parts(told)
    assert (queue.kind, prefill.kind) == ("engine-queue", "engine-prefill")
    assert prefill.begin_seconds + prefill.seconds == pytest.approx(first)
    assert (decode.kind, decode.seconds) == ("engine-decode", 0.04)
    assert decode.begin_seconds == pytest.approx(first)
    assert engine_parts(chat().to_json()) == []
    assert engine_parts(failed(Reason.STALLED, native=Native(queue_seconds=1.0)).to_json()) == []


def test_many_tokens_make_no_more_ticks_than_can_be_seen() -> None:
    record = chat(tokens=200_000, gap_ms=0.001, ended_ns=2_000_000 * MS)
    assert len(waterfall(record.to_json(), 1.0)) < 200_000


def test_bars_end_within_themselves() -> None:
    for share in (-3.0, 0.0, 0.4, 7.0):
        width = float(ET.fromstring(share_bar(share, "good"))[1].attrib["width"])
        assert 0 <= width <= 100
    _, left, right = ET.fromstring(split_bar(0.25, 0.5, "e-vllm", "e-tgi"))
    assert (left.attrib["width"], right.attrib["x"], right.attrib["width"]) == ("25.0", "50.0", "50.0")
