"""What is kept added up is what adding up anew gives, whatever happened, and whenever somebody looked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.history.recent import RECENT_SECONDS
from exporter.history.store import History
from exporter.history.tally import MEASURES
from exporter.history.timeline import MINUTE, TEN_MINUTES
from exporter.history.window import Window
from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.exporter.scrape import config
from tests.traffic.fakes import SECOND_NS, FakeClock
from traffic.events import Pair, Side, Skip, SkipReason

SLIGHTLY_MORE = 1e-6
"""Seconds by which a span is longer than that of which the total is kept, so that it is added up anew."""
CONFIG = config().model_copy(update={"slos": {name: slo for name, slo in config().slos.items() if name == "there"}})

EVENT = st.sampled_from(["ok", "long", "failed", "skipped", "pair", "look"])
MOVE = st.sampled_from([0.0, 1.0, 29.0, 31.0, 60.0, 200.0, 599.0, 700.0, 4000.0, -45.0, -400.0])


@dataclass
class Played:
    """A history, and when chats ended, by ten minutes; None once the clock was set back, as some are counted no more then."""

    clock: FakeClock = field(default_factory=FakeClock)
    chats: Counter[float] | None = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.clock.now_ns += SECOND_NS // 2  # so that no span, which is longer by a trifle, begins in the very middle of a minute
        self.history = History(CONFIG, self.clock)

    def play(self, moves: Iterable[tuple[str, str, float]]) -> None:
        for event, scenario, seconds in moves:
            self.clock.now_ns += round(seconds * SECOND_NS)
            self.chats = None if seconds < 0 else self.chats
            self._tell(event, scenario)

    def _tell(self, event: str, scenario: str) -> None:
        record = chat(scenario=scenario, tokens=200 if event == "long" else 3, ttft_ms=80 if event == "long" else 20)
        match event:
            case "look":
                assert told(self.window(RECENT_SECONDS)) == told(self.window(RECENT_SECONDS + SLIGHTLY_MORE))
            case "skipped":
                self.history(Skip("vllm", scenario, SkipReason.TARGET_BUSY, self.clock.epoch_seconds(), 2))
            case "pair":
                other = chat(target="tgi", scenario=scenario, ttft_ms=30)
                self.history(Pair(scenario, "pair", (Side("vllm", record, None), Side("tgi", other, None))))
            case _:
                self.history(failed(Reason.CONNECT, scenario=scenario) if event == "failed" else record)
                if self.chats is not None:
                    self.chats[self.clock.epoch_seconds() // TEN_MINUTES * TEN_MINUTES] += 1

    def window(self, seconds: float, scenario: str | None = None) -> Window:
        return self.history.window("vllm", scenario, seconds)


def told(window: Window) -> object:
    counted = {"count": window.count, "failures": window.failures, "skips": window.skips, "goodput": window.goodput, "pairs": window.pairs}
    return counted, [window.quantiles(measure) for measure in MEASURES.values()], round(window.output_tokens_per_second, 3)


@given(st.lists(st.tuples(EVENT, st.sampled_from(["heartbeat", "long"]), MOVE), max_size=60))
@settings(max_examples=150, deadline=None)
def test_the_total_of_the_last_minutes_is_what_they_add_up_to(moves: list[tuple[str, str, float]]) -> None:
    played = Played()
    played.play(moves)
    for scenario in (None, "heartbeat", "long"):
        assert told(played.window(RECENT_SECONDS, scenario)) == told(played.window(RECENT_SECONDS + SLIGHTLY_MORE, scenario))


@given(st.lists(st.tuples(EVENT, st.sampled_from(["heartbeat", "long"]), MOVE.filter(lambda seconds: seconds >= 0)), max_size=80))
@settings(max_examples=100, deadline=None)
def test_ten_minutes_that_are_one_have_all_their_chats(moves: list[tuple[str, str, float]]) -> None:
    played = Played()
    played.play(moves)
    assert played.chats is not None
    end = (played.clock.epoch_seconds() // TEN_MINUTES + 1) * TEN_MINUTES
    found = played.history.series("vllm", "chats", 20 * TEN_MINUTES, 20)
    assert found == [played.chats[end - number * TEN_MINUTES] for number in range(20, 0, -1)]


def test_what_is_kept_added_up_does_not_grow_with_time() -> None:
    played = Played()
    for _ in range(26 * 60):
        played.play([("ok", "heartbeat", MINUTE)])
    line = played.history._timelines["vllm", "heartbeat"]
    assert len(line._recent._minutes) == RECENT_SECONDS // MINUTE
    assert len(line._tens) <= 14
    played.clock.now_ns += 3600 * SECOND_NS
    assert played.window(RECENT_SECONDS).count == 0
    assert not line._recent._minutes
