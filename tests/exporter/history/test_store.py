"""The history in memory, under a clock that stands until it is moved."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from config.model import Config
from exporter.history.kept import Kept, Wanted, read_id
from exporter.history.store import History, Past
from exporter.history.tally import Summary
from exporter.history.timeline import DAY, HOUR, MINUTE
from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.exporter.scrape import config
from tests.traffic.fakes import SECOND_NS, FakeClock
from traffic.events import Pair, Side, Skip, SkipReason


@dataclass
class Journal:
    chats: list[Kept] = field(default_factory=list)
    summaries: list[tuple[str, str, Summary]] = field(default_factory=list)

    def keep_chat(self, kept: Kept) -> None:
        self.chats.append(kept)

    def keep_summary(self, target: str, scenario: str, summary: Summary) -> None:
        self.summaries.append((target, scenario, summary))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def settings() -> Config:
    return config()


@pytest.fixture
def history(settings: Config, clock: FakeClock) -> History:
    return History(settings, clock)


def move(clock: FakeClock, seconds: float) -> None:
    clock.now_ns += round(seconds * SECOND_NS)


def test_the_last_chats_newest_first_in_the_shape_of_records(history: History, clock: FakeClock) -> None:
    records = [chat(request_id="1"), failed(Reason.TIMEOUT, request_id="2"), chat(target="tgi", request_id="3")]
    for record in records:
        history(record)
        move(clock, 1)
    assert [one.record["request_id"] for one in history.find(Wanted())] == ["3", "2", "1"]
    assert [one.record["request_id"] for one in history.find(Wanted("vllm", "heartbeat", failed=True))] == ["2"]
    first = history.find(Wanted(limit=1))[0]
    assert first.record == {**records[2].to_json(), "left_out": []}
    assert first.at == 1_800_000_002
    assert [one.record["request_id"] for one in history.find(Wanted(before=first.number))] == ["2", "1"]
    assert history.get(first.number) == first
    assert history.get(1) is None


@pytest.mark.parametrize("lie", ["", "-1", "1.5", "9" * 19, "١", "0x10", "1; DROP TABLE chats"])
def test_what_is_no_id(lie: str) -> None:
    with pytest.raises(ValueError, match="is no id of a chat"):
        read_id(lie)


def test_an_id_may_be_as_long_as_a_number_of_the_database() -> None:
    assert read_id("9" * 18) == 10**18 - 1


def test_ids_grow_even_where_the_clock_stands_or_is_set_back(history: History, clock: FakeClock) -> None:
    for _ in range(3):
        history(chat())
    move(clock, -DAY)
    history(chat())
    found = [one.number for one in history.find(Wanted())]
    assert found == sorted(set(found), reverse=True)


def test_cancelled_chats_and_texts_are_not_in_it(history: History) -> None:
    history(chat(outcome="cancelled"))
    assert history.find(Wanted()) == []
    assert history.window("vllm", None, HOUR).count == 0
    history(chat(text="a secret of somebody's"))
    assert history.find(Wanted())[0].record["text"] is None


def test_a_window_has_what_was_in_its_time(history: History, clock: FakeClock) -> None:
    for _ in range(10):
        history(chat(ttft_ms=50, gap_ms=20))
        move(clock, 6)
    move(clock, HOUR)
    for _ in range(8):
        history(chat(ttft_ms=100, gap_ms=40))
    for _ in range(2):
        history(failed(Reason.CONNECT))
    history(Skip("vllm", "heartbeat", SkipReason.BREAKER, 0, count=5))
    history(Skip("vllm", "heartbeat", SkipReason.GLOBAL_CAP, 0))
    now = history.window("vllm", "heartbeat", 10 * MINUTE)
    assert (now.count, now.ok, now.failed, now.failures) == (10, 8, 2, {"connect": 2})
    assert now.skips == {"breaker": 5, "global_cap": 1}
    assert now.quantiles("ttft").p50 == pytest.approx(0.1, rel=0.01)
    assert now.quantiles("itl").count == 16
    assert now.quantiles("itl").p99 == pytest.approx(0.04, rel=0.01)
    assert now.quantiles("tpot").p50 == pytest.approx(0.04, rel=0.01)
    assert now.quantiles("e2e").count == 8
    assert now.output_tokens_per_second == 24 / 600
    assert now.goodput["there"].attempts == 15
    assert now.goodput["there"].share == 8 / 15
    assert now.goodput["quick"].good == 0
    before = history.window("vllm", None, 30 * MINUTE, ago_seconds=HOUR - 10 * MINUTE)
    assert (before.count, before.failures) == (10, {})
    assert before.quantiles("ttft").p50 == pytest.approx(0.05, rel=0.01)
    assert before.goodput["quick"].share == 1
    empty = history.window("tgi", None, HOUR)
    assert (empty.count, empty.quantiles("ttft").p50, empty.goodput) == (0, None, {})


def test_one_that_timed_out_counts_with_what_it_had_waited(history: History) -> None:
    history(failed(Reason.FIRST_TOKEN_TIMEOUT, after_ms=30_002))
    assert history.window("vllm", None, HOUR).quantiles("ttft").p50 == pytest.approx(30, rel=0.01)


def test_doubtful_timings_stay_out_where_they_are_to(settings: Config, clock: FakeClock) -> None:
    history = History(settings.model_copy(update={"limits": settings.limits.model_copy(update={"doubtful": "drop"})}), clock)
    history(chat(sent_width_ns=2_000_000))
    found = history.window("vllm", None, HOUR)
    assert (found.count, found.quantiles("ttft").count) == (1, 0)
    assert "quick" not in found.goodput
    assert found.goodput["there"].attempts == 1


def test_what_lasts_longer_grows_coarser_and_is_all_there(history: History, clock: FakeClock) -> None:
    journal = history.journal = Journal()
    for number in range(3 * 24 * 60):
        history(chat(ttft_ms=50 if number % 2 else 100))
        move(clock, MINUTE)
    whole = history.window("vllm", None, 3 * DAY)
    assert whole.count == whole.quantiles("ttft").count == 3 * 24 * 60
    assert whole.goodput["there"].attempts == whole.count
    spans = [summary.seconds for *_, summary in journal.summaries]
    assert {span: spans.count(span) for span in set(spans)} == {MINUTE: 4319, 10 * MINUTE: 419, HOUR: 45}
    held = list(history._timelines["vllm", "heartbeat"].between(0, 2e9))
    assert len(held) < 330
    assert [one.end for one in held[:-1]] == [one.start for one in held[1:]]


def test_beyond_its_days_timings_go_and_what_slos_need_stays(clock: FakeClock) -> None:
    history = History(config(), clock)
    for _ in range(12 * 24):
        history(chat())
        move(clock, HOUR)
    assert history.counts("vllm", "heartbeat", 30 * DAY).goodput["there"].attempts == 12 * 24
    timed = history.window("vllm", None, 30 * DAY).quantiles("ttft").count
    assert 7 * 24 <= timed <= 8 * 24
    for _ in range(30 * 24):
        history(chat())
        move(clock, HOUR)
    kept = history.counts("vllm", "heartbeat", 300 * DAY).goodput["there"].attempts
    assert 30 * 24 <= kept <= 31 * 24
    assert len(history.find(Wanted(limit=10_000))) == 7 * 24


def test_a_clock_that_was_set_back(history: History, clock: FakeClock) -> None:
    for _ in range(10):
        history(chat())
        move(clock, MINUTE)
    move(clock, -5.5 * MINUTE)
    history(chat())
    move(clock, MINUTE)
    history(chat())
    assert history.window("vllm", None, HOUR).count == 7  # five minutes before, the one in which it goes on, and the next


def test_series(history: History, clock: FakeClock) -> None:
    for minute in range(60):
        if not 20 <= minute < 30:
            history(chat(ttft_ms=50 if minute < 30 else 100))
            history(failed(Reason.CONNECT) if minute >= 50 else chat(target="tgi"))
        move(clock, MINUTE)
    move(clock, -1)
    assert history.series("vllm", "chats", HOUR, 6) == [10, 10, 0, 10, 10, 20]
    assert history.series("vllm", "failed", HOUR, 6) == [0, 0, None, 0, 0, 0.5]
    found = history.series("vllm", "ttft", HOUR, 6)
    assert found[0] == pytest.approx(0.05, rel=0.01)
    assert found[2] is None
    assert found[5] == pytest.approx(0.1, rel=0.01)
    assert history.series("vllm", "ttft", HOUR, 6) == found
    assert history.series("nobody", "ttft", HOUR, 3) == [None, None, None]
    with pytest.raises(ValueError, match="is no series; there are ttft, "):
        history.series("vllm", "ttfb", HOUR, 6)


def test_the_point_of_now_is_not_held(history: History) -> None:
    history(chat())
    assert history.series("vllm", "chats", 600, 1) == [1]
    history(chat())
    assert history.series("vllm", "chats", 600, 1) == [2]


def test_pairs(history: History) -> None:
    fast, slow = chat(ttft_ms=50), chat(target="tgi", ttft_ms=80)
    history(Pair("heartbeat", "p", (Side("vllm", fast, None), Side("tgi", slow, None))))
    history(Pair("gone", "p", (Side("vllm", fast, None), Side("tgi", slow, None))))
    won = history.window("vllm", "heartbeat", HOUR).pairs["tgi"]
    assert (won.pairs, won.wins["ttft"]) == (1, 1)
    lost = history.window("tgi", "heartbeat", HOUR).pairs["vllm"]
    assert (lost.pairs, lost.wins.get("ttft", 0)) == (1, 0)


def test_another_process_goes_on_where_one_ended(settings: Config, clock: FakeClock) -> None:
    first, journal = History(settings, clock), Journal()
    first.journal = journal
    for _ in range(5):
        first(chat())
        move(clock, 30)
    first.flush()
    latest = {summary.start: summary for *_, summary in journal.summaries}
    past = Past(journal.chats[::-1], {("vllm", "heartbeat"): [latest[start] for start in sorted(latest)]})
    second = History(settings, clock)
    second(chat(request_id="new"))
    for _ in range(2):  # as where a file is named once more by a reload
        second.restore(past)
    again, fresh = second.window("vllm", None, HOUR), first.window("vllm", None, HOUR)
    assert (again.count, again.quantiles("ttft").count) == (6, 6)
    assert fresh.count == 5
    assert [one.record["request_id"] for one in second.find(Wanted(limit=2))] == ["new", chat().request_id]
    assert len(second.find(Wanted())) == 6
    third = History(settings, clock)
    third.journal = Journal()
    third.restore(past)
    third(chat())
    move(clock, MINUTE)
    third(chat())
    assert third.journal.summaries[0][2].ok == latest[max(latest)].ok + 1, "the minute that was cut in two is one again"
    assert third.window("vllm", None, HOUR).count == 7


def test_followers_hear_of_each_chat_until_they_have_enough(history: History) -> None:
    heard: list[Kept] = []
    end = history.follow(heard.append)
    history(chat())
    end()
    history(chat())
    assert [one.number for one in heard] == [history.find(Wanted())[1].number]


def test_what_is_known_of_targets_that_are_gone_grows_coarser_and_is_forgotten(settings: Config, clock: FakeClock) -> None:
    """As nothing comes of them any more, it is the others' chats that have time pass for them."""
    history, journal = History(settings, clock), Journal()
    for _ in range(90):
        history(chat(target="gone"))
        move(clock, MINUTE)
    history.journal = journal
    longest = max(settings.history.keep_seconds, *(slo.window_seconds for slo in settings.slos.values()))
    for hour in range(1, int(longest / HOUR) + 30):
        move(clock, HOUR)
        history(chat())
        known = list(history.summaries("gone", "heartbeat", hour * HOUR + 2 * HOUR))
        assert sum(summary.ok for summary in known) in (90, 0)
        assert len(known) <= (90 if hour <= 2 else 10 if hour <= 28 else 3)
    assert history.since("gone") is None
    spans = [(summary.start, summary.seconds) for target, _, summary in journal.summaries if target == "gone"]
    assert len(spans) == len(set(spans))


def test_a_thousand_names_of_one_day_are_not_followed_for_ever(history: History, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.history.store.FOLLOWED_AT_MOST", 10)
    for number in range(20):
        history(chat(target=f"pod-{number}"))
        move(clock, MINUTE)
    assert history.window("pod-19", None, HOUR).count == history.window("pod-10", None, HOUR).count == 1
    assert history.window("pod-9", None, HOUR).count == 0
