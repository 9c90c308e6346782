from __future__ import annotations

import pytest

from exporter.native.loads import Loads
from exporter.native.scrape import Scraped
from probes.numbers.page import Numbers
from tests.exporter.native import recorded
from tests.exporter.native.expositions import families_of
from tests.exporter.native.recorded import told
from tests.traffic.fakes import SECOND_NS, FakeClock
from traffic.yielding import EngineLoad


def vllm(tokens: float, running: float = 0, waiting: float = 0) -> Numbers:
    return told(
        "vllm",
        f'# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{{engine="0"}} {tokens}\n'
        f'vllm:num_requests_running{{engine="0"}} {running}\nvllm:num_requests_waiting{{engine="0"}} {waiting}\n',
    )


def tgi(tokens: float | None, running: float | None = None) -> Numbers:
    text = "# TYPE tgi_request_count counter\ntgi_request_count 2\n"
    if tokens is not None:
        name = "tgi_request_generated_tokens"
        text += f'# TYPE {name} histogram\n{name}_bucket{{le="+Inf"}} 1\n{name}_sum {tokens}\n{name}_count 1\n'
    if running is not None:
        text += f"# TYPE tgi_batch_current_size gauge\ntgi_batch_current_size {running}\n"
    return told("tgi", text)


def scraped(numbers: Numbers, clock: FakeClock) -> Scraped:
    return Scraped((), numbers, clock.now_ns, clock.now_ns)


class Scene:
    """Scrapes each 15 s, unless told otherwise."""

    def __init__(self, interval_seconds: float = 15) -> None:
        self.clock = FakeClock()
        self.interval_seconds = interval_seconds
        self.loads = Loads(self.clock, interval_seconds)

    def scrapes(self, *pages: Numbers, replica: str | None = None, target: str = "v") -> None:
        """One after the other; the first one now."""
        for number, numbers in enumerate(pages):
            if number:
                self.wait(self.interval_seconds)
            self.loads.add_scrape(target, replica, scraped(numbers, self.clock))

    def wait(self, seconds: float) -> None:
        self.clock.now_ns += round(seconds * SECOND_NS)

    def rate(self, target: str = "v") -> float | None:
        found = self.loads.load(target)
        return found.generated_tokens_per_second if found else None


def test_tokens_of_the_last_minute_and_requests_of_now() -> None:
    scene = Scene()
    scene.scrapes(vllm(1000), vllm(1000), vllm(1300, 3), vllm(1300), vllm(1600, 2, 1))
    assert scene.loads.load("v") == EngineLoad(generated_tokens_per_second=10, requests_waiting=1)


def test_what_is_older_than_a_minute_is_left_out() -> None:
    scene = Scene()
    scene.scrapes(*(vllm(tokens) for tokens in (0, 9000, 9000, 9000, 9000, 9060)))
    assert scene.rate() == 1


def test_less_than_a_minute_says_nothing() -> None:
    scene = Scene()
    scene.scrapes(vllm(0), vllm(600), vllm(1200), vllm(1800))
    assert scene.rate() is None
    scene.wait(15)
    scene.scrapes(vllm(2400))
    assert scene.rate() == 40


def test_a_long_interval_is_its_own_minute() -> None:
    scene = Scene(interval_seconds=600)
    scene.scrapes(vllm(0), vllm(6000))
    assert scene.rate() == 10


def test_a_restart_is_no_loss() -> None:
    scene = Scene()
    scene.scrapes(vllm(9000), vllm(9300), vllm(60), vllm(60), vllm(300))
    assert scene.rate() == (300 + 60 + 240) / 60


def test_a_load_that_is_older_than_three_intervals_is_not_known() -> None:
    scene = Scene()
    scene.scrapes(*(vllm(0) for _ in range(5)))
    scene.wait(45)
    assert scene.rate() == 0
    scene.wait(0.001)
    assert scene.rate() is None


def test_after_a_longer_outage_a_minute_has_to_pass_again() -> None:
    scene = Scene()
    scene.scrapes(*(vllm(0) for _ in range(5)))
    scene.wait(46)
    scene.scrapes(*(vllm(tokens) for tokens in (6000, 6000, 6000, 6000)))
    assert scene.rate() is None
    scene.wait(15)
    scene.scrapes(vllm(6600))
    assert scene.rate() == 10


def test_a_shorter_interval_makes_old_scrapes_stale() -> None:
    scene = Scene()
    scene.scrapes(*(vllm(0) for _ in range(5)))
    scene.loads.configure(1)
    scene.wait(4)
    assert scene.rate() is None


def test_replicas_are_added_up_as_far_as_they_are_known() -> None:
    scene = Scene()
    for number in range(5):
        scene.loads.add_scrape("v", "a", scraped(vllm(600 * number, 1, 2), scene.clock))
        scene.loads.add_scrape("v", "b", scraped(vllm(300 * number, 3, 4), scene.clock))
        scene.loads.add_scrape("w", None, scraped(vllm(9000 * number), scene.clock))
        scene.wait(15)
    assert scene.loads.load("v") == EngineLoad(generated_tokens_per_second=60, requests_waiting=6)
    scene.wait(15)
    scene.scrapes(vllm(3600, 1, 2), replica="a")
    scene.wait(15.001)
    assert scene.loads.load("v") == EngineLoad(generated_tokens_per_second=40, requests_waiting=2)


def test_a_replica_that_is_gone_counts_no_more() -> None:
    scene = Scene()
    for number in range(5):
        scene.loads.add_scrape("v", "a", scraped(vllm(600 * number), scene.clock))
        scene.loads.add_scrape("v", "b", scraped(vllm(300 * number), scene.clock))
        scene.wait(15)
    scene.loads.drop("v", "b")
    assert scene.rate() == 40
    scene.loads.drop("v", "a")
    assert scene.rate() is None
    scene.loads.drop("unheard-of", None)


def test_where_one_of_the_replicas_is_not_known_the_load_is_not() -> None:
    scene = Scene()
    scene.loads.set_replicas([("v", "a"), ("v", "b"), ("w", None)])
    for number in range(5):
        scene.loads.add_scrape("v", "a", scraped(vllm(600 * number), scene.clock))
        scene.wait(15)
    assert scene.rate() is None
    for number in range(5):
        scene.loads.add_scrape("v", "a", scraped(vllm(3000 + 600 * number), scene.clock))
        scene.loads.add_scrape("v", "b", scraped(vllm(300 * number), scene.clock))
        scene.wait(15)
    assert scene.rate() == 60


def test_a_target_that_is_gone_leaves_nothing_to_its_namesake() -> None:
    scene = Scene()
    scene.scrapes(*(vllm(0) for _ in range(5)))
    scene.loads.forget("v")
    assert scene.rate() is None
    scene.scrapes(vllm(9000))
    assert scene.rate() is None


def test_tgi_tells_at_the_end_of_its_requests_and_nothing_before_the_first() -> None:
    scene = Scene()
    scene.scrapes(tgi(None), tgi(None), tgi(60, 2), tgi(60, 1), tgi(600, 4))
    assert scene.loads.load("v") == EngineLoad(generated_tokens_per_second=10, requests_waiting=0)


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param({}, id="nothing"),
        pytest.param(told("vllm", "vllm:num_requests_running 1\n"), id="vLLM without its tokens"),
        pytest.param(vllm(float("nan")), id="no number"),
    ],
)
def test_an_engine_that_does_not_tell_is_not_known(numbers: Numbers) -> None:
    scene = Scene()
    scene.scrapes(*(numbers for _ in range(6)))
    assert scene.loads.load("v") is None


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
async def test_simulated_engines_tell(engine: str) -> None:
    scene = Scene()
    idle, used = [recorded.numbers(engine, await families_of(engine, chats=chats)) for chats in (0, 2)]
    scene.scrapes(used, used, used, used)
    assert scene.rate() is None
    scene.wait(15)
    scene.scrapes(used)
    assert scene.rate() == 0
    if engine == "vllm":
        scene = Scene()
        scene.scrapes(idle, idle, idle, idle, used)
        assert scene.rate() == 6 / 60
