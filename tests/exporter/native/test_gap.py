from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from config.reader import parse
from exporter.metrics.families import Families
from exporter.metrics.ledger import Ledger
from exporter.native.gap import Gap
from exporter.native.scrape import Scraped
from probes.failure import Reason
from probes.own_account import Native
from probes.record import ChatRecord
from tests.exporter.chats import chat, failed
from tests.exporter.native.recorded import families, numbers
from tests.exporter.native.windows import scrape, talk
from traffic.roster import Roster, roster

VLLM = {"target": "vllm", "backend": "vllm", "model": "tiny"}
TARGETS = "vllm: {backend: vllm, url: http://v}, ollama: {backend: ollama, url: http://o, load_model: true}, tgi: {backend: tgi, url: http://t}"
SCRAPES = (scrape(0, 10, 5.0), scrape(15, 11, 5.125), scrape(30, 11, 5.125))
TOLD = Native(queue_seconds=0.25, prefill_seconds=0.5)


def members(targets: str = TARGETS) -> Roster:
    return roster(parse(f"targets: {{{targets}}}\nscenarios: {{heartbeat: {{every: 15s}}}}\n").config)


class Scene:
    """A gap with all three targets."""

    def __init__(self) -> None:
        self.registry, self.ledger = CollectorRegistry(), Ledger()
        self.gap = Gap(Families(self.registry, {}), self.ledger)
        self.gap.set_targets(members())

    def scrapes(self, *chats: ChatRecord, scraped: tuple[Scraped, ...] = SCRAPES, replica: str | None = None) -> None:
        """The chats end between the first scrape and the second."""
        self.gap.add_scrape("vllm", replica, scraped[0])
        for record in chats:
            self.gap.count_chat(record)
        for later in scraped[1:]:
            self.gap.add_scrape("vllm", replica, later)

    def series(self) -> list[dict[str, str]]:
        """The labels of what is there."""
        return [labels for labels, _ in self._samples("chatprobe_gap_chats_total")]

    def told(self, basis: str, labels: Mapping[str, str] = VLLM) -> tuple[float, float, float] | None:
        """Chats, the client's seconds and the engine's; None where there is no such series."""
        names = ("chatprobe_gap_chats_total", "chatprobe_gap_client_ttft_seconds_total", "chatprobe_gap_engine_ttft_seconds_total")
        values = [value for name in names for found, value in self._samples(name) if found == {**labels, "basis": basis}]
        if not values:
            return None
        chats, client, engine = values
        return chats, client, engine

    def _samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = self.ledger.read(lambda: generate_latest(self.registry)).decode()
        families = text_string_to_metric_families(text)
        return [(sample.labels, sample.value) for family in families for sample in family.samples if sample.name == name]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_nothing_is_there_before_there_is_something_to_tell(scene: Scene) -> None:
    scene.gap.count_chat(chat())
    scene.scrapes()
    assert scene.series() == []


def test_chats_that_carry_the_engines_own_times(scene: Scene) -> None:
    scene.gap.count_chat(chat(ttft_ms=1000, native=TOLD))
    scene.gap.count_chat(chat(ttft_ms=500, native=TOLD))
    assert scene.told("request") == pytest.approx((2, 1.5, 1.5))
    assert scene.told("window") is None


def test_ollama_tells_with_each_chat(scene: Scene) -> None:
    own = Native(load_seconds=0.01, queue_seconds=4, prefill_seconds=0.09, decode_seconds=1.0, total_seconds=5.1)
    scene.gap.count_chat(chat(target="ollama", backend="ollama", ttft_ms=4125, native=own))
    assert scene.told("request", {"target": "ollama", "backend": "ollama", "model": "tiny"}) == pytest.approx((1, 4.125, 4.1))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(chat(), id="tells nothing"),
        pytest.param(chat(native=Native(prefill_seconds=0.5)), id="tells half of it"),
        pytest.param(failed(Reason.TRUNCATED, native=TOLD), id="has no token"),
        pytest.param(chat(target="tgi", native=TOLD), id="of another backend than its target"),
        pytest.param(chat(target="gone", native=TOLD), id="of a target that nobody follows"),
    ],
)
def test_chats_of_which_not_both_are_known(scene: Scene, record: ChatRecord) -> None:
    scene.gap.count_chat(record)
    assert scene.series() == []


def test_windows_in_which_all_requests_were_ours(scene: Scene) -> None:
    scene.scrapes(talk(2, 0.25))
    assert scene.told("window") == (1, 0.25, 0.125)
    scene.scrapes(talk(47, 0.5), scraped=(scrape(45, 11, 5.125), scrape(60, 12, 5.5), scrape(75, 12, 5.5)))
    assert scene.told("window") == (2, 0.75, 0.5)
    assert scene.told("request") is None


def test_both_may_be_known_of_the_same_chat(scene: Scene) -> None:
    scene.scrapes(replace(talk(2, 0.25), native=Native(queue_seconds=0.0, prefill_seconds=0.0625)))
    assert scene.told("window") == (1, 0.25, 0.125)
    assert scene.told("request") == (1, 0.25, 0.0625)


def test_anothers_request_in_the_window(scene: Scene) -> None:
    scene.scrapes(talk(2, 0.25), scraped=(scrape(0, 10, 5.0), scrape(15, 12, 6.0), scrape(30, 12, 6.0)))
    assert scene.series() == []


def test_of_replicas_nobody_knows_who_had_the_chat(scene: Scene) -> None:
    scene.scrapes(talk(2, 0.25), replica="v-0:8000")
    scene.scrapes(talk(2, 0.25), replica="v-1:8000")
    assert scene.series() == []


def test_chats_with_another_target_are_not_its(scene: Scene) -> None:
    scene.scrapes(talk(2, 0.25, target="other"), replace(talk(2, 0.25, target="tgi"), backend="tgi"))
    assert scene.series() == []


def test_tgi_has_no_first_tokens_to_count(scene: Scene) -> None:
    found = families("# TYPE tgi_queue_size gauge\ntgi_queue_size 0\n")
    for second in (0, 15, 30):
        scene.gap.add_scrape("tgi", None, Scraped(found, numbers("tgi", found), second, second + 1))
    assert scene.series() == []


def test_what_comes_before_an_outage_is_no_beginning_of_a_window(scene: Scene) -> None:
    scene.gap.add_scrape("vllm", None, SCRAPES[0])
    scene.gap.count_chat(talk(2, 0.25))
    scene.gap.drop("vllm", None)
    scene.gap.add_scrape("vllm", None, SCRAPES[1])
    scene.gap.add_scrape("vllm", None, SCRAPES[2])
    assert scene.series() == []


def test_what_was_counted_stays_through_an_outage(scene: Scene) -> None:
    scene.scrapes(talk(2, 0.25))
    scene.gap.drop("vllm", None)
    assert scene.told("window") == (1, 0.25, 0.125)


def test_a_target_that_goes_takes_its_series_along(scene: Scene) -> None:
    scene.gap.count_chat(chat(native=TOLD))
    scene.gap.count_chat(chat(target="ollama", backend="ollama", native=TOLD))
    scene.gap.set_targets(members("ollama: {backend: ollama, url: http://o, load_model: true}"))
    scene.gap.count_chat(chat(native=TOLD))
    assert [labels["target"] for labels in scene.series()] == ["ollama"]


def test_a_target_of_another_backend_begins_anew(scene: Scene) -> None:
    scene.gap.count_chat(chat(native=TOLD))
    scene.gap.set_targets(members("vllm: {backend: ollama, url: http://o, load_model: true}"))
    assert scene.series() == []
    scene.gap.count_chat(chat(native=TOLD))
    assert scene.series() == []
    scene.gap.count_chat(chat(backend="ollama", native=TOLD))
    assert scene.told("request", {**VLLM, "backend": "ollama"}) is not None


def test_another_model_begins_at_0_and_late_chats_with_the_one_before_count_nowhere(scene: Scene) -> None:
    early, late = chat(native=TOLD, ttft_ms=1000), chat(native=TOLD, ttft_ms=250, model="new")
    late = replace(late, started_ns=early.started_ns + 1)
    scene.gap.count_chat(early)
    scene.gap.count_chat(late)
    scene.gap.count_chat(early)
    assert scene.series() == [{**VLLM, "model": "new", "basis": "request"}]
    assert scene.told("request", {**VLLM, "model": "new"}) == (1, 0.25, 0.75)


def test_a_window_of_the_model_before_counts_nowhere(scene: Scene) -> None:
    scene.gap.add_scrape("vllm", None, SCRAPES[0])
    scene.gap.count_chat(talk(2, 0.25))
    scene.gap.add_scrape("vllm", None, SCRAPES[1])
    scene.gap.count_chat(talk(17, 0.25, model="new"))
    scene.gap.add_scrape("vllm", None, SCRAPES[2])
    assert scene.series() == []


def test_until_targets_are_followed_nobody_is_known() -> None:
    registry = CollectorRegistry()
    gap = Gap(Families(registry, {}), Ledger())
    gap.count_chat(chat(native=TOLD))
    gap.add_scrape("vllm", None, SCRAPES[0])
    assert generate_latest(registry) == b""


def test_a_scrape_of_chatprobe_never_sees_half_of_a_chat(scene: Scene) -> None:
    def look() -> bytes:
        scene.gap.count_chat(chat(native=TOLD))
        return generate_latest(scene.registry)

    assert scene.ledger.read(look) == b""
    assert scene.told("request") is not None
