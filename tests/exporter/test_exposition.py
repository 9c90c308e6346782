from __future__ import annotations

import threading

import pytest
from prometheus_client import CollectorRegistry

from exporter.metrics import catalogue
from exporter.metrics.assembly import Metrics
from exporter.metrics.exposition import OPENMETRICS, TEXT, PrometheusExposition, wants_openmetrics
from exporter.metrics.families import Families, Series
from exporter.metrics.ledger import Ledger
from tests.exporter.chats import chat
from tests.exporter.scrape import config, read, scrape, scrape_openmetrics
from traffic.roster import roster

PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; version=1.0.0; q=0.9, text/plain; q=0.1", True),
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text;version=0.0.1", False),
        ("application/openmetrics-text;version=2.0.0", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.8", False),
    ],
)
def test_openmetrics_is_given_to_those_who_prefer_it(accept: str, expected: bool) -> None:
    assert wants_openmetrics(accept) is expected
    _, content_type = Metrics(roster(config()), {}).exposition.render(accept)
    assert content_type == (OPENMETRICS if expected else TEXT)


def test_both_forms_say_the_same() -> None:
    metrics = Metrics(roster(config()), {catalogue.CLOCK_STEPS: lambda: 3})
    metrics.recording(chat())
    text, openmetrics = scrape(metrics), scrape_openmetrics(metrics)
    changing = {name for name in text.names if name.startswith(("process_", "python_"))} | {catalogue.SERIES.name, catalogue.EXPOSITION_DURATION.name}
    assert {name: text.samples[name] for name in text.names - changing} == {name: openmetrics.samples[name] for name in openmetrics.names - changing}
    assert text.one(catalogue.CLOCK_STEPS.name) == 3


def test_it_tells_how_many_series_it_holds_and_how_long_the_one_before_took() -> None:
    metrics = Metrics(roster(config()), {})
    first, second = scrape(metrics), scrape(metrics)
    assert first.one(catalogue.EXPOSITION_DURATION.name) is None
    took = second.one(catalogue.EXPOSITION_DURATION.name)
    assert took is not None
    assert 0 < took < 10
    for seen in (first, second):
        assert seen.one(catalogue.SERIES.name) == sum(map(len, seen.samples.values()))


def test_a_scrape_sees_a_chat_wholly_or_not_at_all() -> None:
    metrics = Metrics(roster(config()), {})
    record = chat(tokens=40)
    begun, done = threading.Event(), threading.Event()
    bodies: list[bytes] = []

    def keep_scraping() -> None:
        while not done.is_set():
            begun.set()
            bodies.append(metrics.exposition.render("")[0])

    scraper = threading.Thread(target=keep_scraping)
    scraper.start()
    for _ in range(20):
        assert begun.wait(10)
        begun.clear()
        for _ in range(5):
            metrics.recording(record)
    done.set()
    scraper.join()

    counts = set()
    for seen in map(read, bodies):
        chats = seen.value(catalogue.PROBES.name, target="vllm")
        assert chats is not None
        counts.add(chats)
        assert {seen.value(metric.count, target="vllm") for metric in (catalogue.TTFT, catalogue.TPOT, catalogue.E2E)} == {chats}
        assert seen.value(catalogue.ITL.count, target="vllm") == 39 * chats
    assert len(counts) > 5
    assert scrape(metrics).value(catalogue.PROBES.name, target="vllm") == 100


def test_the_writer_never_waits_for_a_reader() -> None:
    ledger, registry = Ledger(), CollectorRegistry()
    series = Series(Families(registry, {}))
    changes: list[str] = []

    def slow_look() -> str:
        ledger.write(lambda: changes.append("first"))  # as from another thread, while this reads
        ledger.write(lambda: changes.append("second"))
        assert changes == []
        return "seen"

    assert ledger.read(slow_look) == "seen"
    assert changes == ["first", "second"]
    ledger.write(lambda: series.put(catalogue.COALESCED_CHUNKS, 2))
    assert read(PrometheusExposition(registry, ledger).render("")[0]).one(catalogue.COALESCED_CHUNKS.name) == 2


def test_a_change_that_breaks_does_not_keep_the_ledger_shut() -> None:
    ledger = Ledger()
    with pytest.raises(ZeroDivisionError):
        ledger.write(lambda: 1 // 0)  # type: ignore[arg-type]
    assert ledger.read(lambda: "open") == "open"
