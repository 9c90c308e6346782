"""What of an engine's own numbers can be put beside another engine's, and what cannot."""

from __future__ import annotations

import json

import orjson
import pytest

from bench.engine_side.inside import Inside, from_json, insides
from bench.engine_side.notes import Notes
from probes.numbers.number import Number
from probes.numbers.page import Numbers
from tests.bench.engine_side.made import chats, look, notes, observed, readings, told

CHATS = chats([0.8] * 100)
NUMBERS: Numbers = {
    Number.TTFT: observed(*[0.8] * 100),
    Number.QUEUE: observed(*[0.6] * 100, bounds=(0.1, 0.5, 0.7)),
    Number.PREFILL: observed(*[0.15] * 100),
    Number.TPOT: observed(*[0.02] * 100, bounds=(0.01, 0.05)),
    Number.PREEMPTIONS: 30.0,
}


def only(of: Notes) -> Inside:
    (found,) = insides(of)
    return found


def test_phases_are_means_and_bounds_of_quantiles() -> None:
    found = only(notes(CHATS, readings(NUMBERS, looks=[look(4, 2, 0.95)] * 10)))
    assert (found.target, found.level) == ("a", "10 users")
    assert found.ttft_seconds_mean == pytest.approx(0.8)
    assert found.phases["queue"].mean_seconds == pytest.approx(0.6)
    assert found.phases["queue"].quantiles == {0.5: (0.5, 0.7), 0.95: (0.5, 0.7)}
    assert found.phases["prefill"].mean_seconds == pytest.approx(0.15)
    assert found.phases["token"].mean_seconds == pytest.approx(0.02)
    assert found.phases["path"].mean_seconds == pytest.approx(0.0)
    assert (found.running_mean, found.cache_full_share, found.preemptions_per_chat) == (4, 1.0, 0.3)
    assert found.cache_hit_ratio is None


def test_what_is_told_of_each_chat_is_exact() -> None:
    of = [told(1.0, load_seconds=0.0, queue_seconds=0.2, prefill_seconds=0.5)] * 90
    of += [told(3.0, load_seconds=0.0, queue_seconds=2.7, prefill_seconds=0.3)] * 10
    found = only(notes(chats([1.0] * 90 + [3.0] * 10), told=of, backend="ollama"))
    assert found.phases["queue"].mean_seconds == pytest.approx(0.45)
    assert found.phases["queue"].quantiles == {0.5: (0.2, 0.2), 0.95: (2.7, 2.7)}


def test_what_an_engine_tells_of_the_requests_of_others_too_is_left_out() -> None:
    strange = {**NUMBERS, Number.TTFT: observed(*[0.8] * 150)}
    found = only(notes(CHATS, readings(strange, looks=[look(4, 2, 0.95)] * 10)))
    assert found.phases == {}
    assert (found.running_mean, found.cache_full_share, found.preemptions_per_chat) == (None, None, None)
    assert found.ttft_seconds_mean == pytest.approx(0.8)


def test_a_prefill_of_whole_batches_is_no_requests_own() -> None:
    batches = {Number.PREFILL: observed(*[0.6] * 30), Number.QUEUE: observed(*[0.0] * 100)}
    assert "prefill" not in only(notes(CHATS, readings(batches), backend="tgi")).phases


def test_a_quantile_beyond_the_last_bound_is_not_told() -> None:
    assert only(notes(CHATS, readings({Number.QUEUE: observed(*[2.0] * 100)}))).phases["queue"].quantiles == {}


def test_it_comes_back_from_json_as_it_was() -> None:
    found = only(notes(CHATS, readings(NUMBERS, looks=[look(4, 2, 0.95)] * 10)))
    assert from_json(orjson.loads(orjson.dumps(found.to_json()))) == found
    assert from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("written", [{}, {"phases": 3}, {"phases": {"queue": {}}}, {"phases": {}, "target": "a"}])
def test_anything_else_is_refused(written: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        from_json(written)
