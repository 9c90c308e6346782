from __future__ import annotations

import asyncio
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from catalogue import own
from catalogue.metric import Metric
from config.quantities import Address
from config.reader import parse
from exporter.assembly import Metrics
from exporter.metrics.families import Families, Series
from exporter.metrics.ledger import Ledger
from exporter.metrics.recording import Recording
from exporter.native.relay import Relay, RelaySettings
from exporter.protobuf.form import Messages
from exporter.protobuf.relayed import relayed_messages
from exporter.protobuf.schema import CONTENT_TYPE
from exporter.web.exposition import PrometheusExposition
from exporter.web.forms import OPENMETRICS, TEXT, Lines, preferred
from exporter.web.server import listening
from tests.e2e.test_prometheus import Prometheus
from tests.exporter.chats import chat
from tests.exporter.native.expositions import by_hand, families_of, histogram
from tests.exporter.scrape import complaints, config, read, scrape, scrape_openmetrics
from tests.processes import free_port, process, prometheus_binary, prometheus_version
from tests.waiting import PATIENCE_SECONDS
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
    assert preferred(accept) == Lines(openmetrics=expected, created=False)
    _, content_type = Metrics(roster(config()), {}).exposition.render(accept)
    assert content_type == (OPENMETRICS if expected else TEXT)


def test_both_forms_say_the_same() -> None:
    metrics = Metrics(roster(config()), {own.CLOCK_STEPS: lambda: 3})
    metrics.recording(chat())
    text, openmetrics = scrape(metrics), scrape_openmetrics(metrics)
    changing = {name for name in text.names if name.startswith(("process_", "python_"))} | {
        own.SERIES.name,
        own.EXPOSITION_DURATION.name,
        own.EXPOSITION_KEPT.name,
    }
    assert {name: text.samples[name] for name in text.names - changing} == {name: openmetrics.samples[name] for name in openmetrics.names - changing}
    assert text.one(own.CLOCK_STEPS.name) == 3


def test_start_times_are_told_where_openmetrics_is_asked_for_and_only_then() -> None:
    metrics = Metrics(roster(config()), {own.CLOCK_STEPS: lambda: 3, own.STREAMS_IN_FLIGHT: lambda: 1})
    began = time.time()
    before = scrape_openmetrics(metrics)
    metrics.tell_created(True)
    text, openmetrics = scrape(metrics), scrape_openmetrics(metrics)
    assert not any(name.endswith("_created") for name in (*text.names, *before.names))
    counted = [metric for metric in own.CATALOGUE if metric.type in ("counter", "histogram") and openmetrics.value(own_series(metric)) is not None]
    for metric in counted:
        if metric is not own.NATIVE_SERIES_DROPPED:  # counted elsewhere
            starts = openmetrics.samples[f"{metric.name.removesuffix('_total')}_created"]
            assert len(starts) == len(openmetrics.samples[own_series(metric)])
            assert all(abs(start - began) < PATIENCE_SECONDS for start in starts.values())
    assert own.CLOCK_STEPS in counted
    assert len(counted) > 10
    assert openmetrics.one(own.SERIES.name) == sum(map(len, openmetrics.samples.values()))


def own_series(metric: Metric) -> str:
    return metric.count if metric.type == "histogram" else metric.name


def test_openmetrics_has_the_units_that_names_end_in() -> None:
    metrics = Metrics(roster(config()), {})
    metrics.recording(chat())
    lines = metrics.exposition.render("application/openmetrics-text")[0].decode().splitlines()
    units = {name: unit for _, _, name, unit in (line.split(" ") for line in lines if line.startswith("# UNIT "))}
    assert units == {name: units[name] for name in units if name.endswith(f"_{units[name]}")}
    families = [line.split(" ")[2] for line in lines if line.startswith("# TYPE chatprobe_")]
    assert units.keys() >= {name for name in families if name.endswith(("_seconds", "_bytes", "_ratio"))}
    assert {"chatprobe_ttft_seconds", "chatprobe_slo_objective_ratio", "chatprobe_slo_threshold_seconds"} <= {*units}
    assert b"# UNIT" not in metrics.exposition.render("")[0]


def test_it_tells_how_many_series_it_holds_and_how_long_the_one_before_took() -> None:
    metrics = Metrics(roster(config()), {})
    first, second = scrape(metrics), scrape(metrics)
    assert first.one(own.EXPOSITION_DURATION.name) is None
    took = second.one(own.EXPOSITION_DURATION.name)
    assert took is not None
    assert 0 < took < 10
    for seen in (first, second):
        assert seen.one(own.SERIES.name) == sum(map(len, seen.samples.values()))


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
        chats = seen.value(own.PROBES.name, target="vllm")
        assert chats is not None
        counts.add(chats)
        assert {seen.value(metric.count, target="vllm") for metric in (own.TTFT, own.TPOT, own.E2E)} == {chats}
        assert seen.value(own.ITL.count, target="vllm") == 39 * chats
    assert len(counts) > 5
    assert scrape(metrics).value(own.PROBES.name, target="vllm") == 100


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
    ledger.write(lambda: series.record(own.COALESCED_CHUNKS, 2))
    assert read(PrometheusExposition(registry, ledger).render("")[0]).one(own.COALESCED_CHUNKS.name) == 2


def test_a_change_that_breaks_does_not_keep_the_ledger_shut() -> None:
    ledger = Ledger()
    with pytest.raises(ZeroDivisionError):
        ledger.write(lambda: 1 // 0)  # type: ignore[arg-type]
    assert ledger.read(lambda: "open") == "open"


NASTY = by_hand(
    '# HELP vllm:g Say "\\\\o/"\\nand\ttwo, \x00 \r \x85 \u2028 {}=\n'
    "# TYPE vllm:g gauge\n"
    'vllm:g{text="a \\"quote\\", a \\\\, a\\nline, {braces}=, # EOF, \x00, \r, \x01"} NaN\n'
    'vllm:g{text="Grüße, 漢字 🙂 \u2028 \x85 \x7f \t"} -Inf\n'
    'vllm:g{text=""} 1e300\n'
    'vllm:g{target="x",exported_target="y",backend="z",replica="0"} -0.5\n'
    "# TYPE vllm:total counter\nvllm:total 1\n"
    "# TYPE vllm:sure_total counter\nvllm:sure_total +Inf\nvllm:undeclared 2\n"
    "# TYPE vllm:clash gauge\nvllm:clash 1\n# TYPE vllm:clash_total counter\nvllm:clash_total 1\n"
)
HUGE = histogram("vllm:huge", *range(5000), bounds=(*map(str, range(1, 5000)), "+Inf"))


async def relay_of_all_kinds() -> Relay:
    """Of both engines, of one twice, and of one whose metrics are as odd as they can be; in every form."""
    relay = Relay(RelaySettings(buckets="all", series_per_replica=10_000), relayed_messages)
    vllm, tgi = await families_of("vllm"), await families_of("tgi")
    for target, backend, replica, families in (
        ("vllm", "vllm", None, vllm),
        ("two", "vllm", "10.0.0.1:8000", vllm),
        ("two", "vllm", "10.0.0.2:8000", vllm),
        ("tgi", "tgi", None, tgi),
        ('od"d', "vllm", None, (*NASTY, HUGE)),
    ):
        relay.serve(target, backend, replica, families)
    return relay


def exposition_with(relay: Relay) -> PrometheusExposition:
    """Of ours, at 0, and what is relayed."""
    registry, ledger = CollectorRegistry(), Ledger()
    Recording(Families(registry, {}, native=True), ledger, roster(config()))
    registry.register(relay)
    return PrometheusExposition(registry, ledger, relay.now, protobuf=Messages)


async def test_relayed_series_stand_behind_ours_in_both_forms() -> None:
    relay = await relay_of_all_kinds()
    exposition = exposition_with(relay)
    for accept, as_openmetrics in (("", False), (PROMETHEUS_2, True)):
        body, _ = exposition.render(accept)
        seen = read(body, as_openmetrics=as_openmetrics)
        relayed = [name for name in seen.names if name.startswith(("vllm:", "tgi_"))]
        assert sum(len(seen.samples[name]) for name in relayed) == relay.now().series > 5000
        assert seen.one(own.SERIES.name) == sum(map(len, seen.samples.values()))
        assert body.index(b"\nchatprobe_probes_total{") < body.index(b"\ntgi_") < body.index(b"\nvllm:")
        assert body.endswith(b"\n# EOF\n") == as_openmetrics
        assert seen.one(own.NATIVE_SERIES_DROPPED.name, target='od"d', replica="", reason="name_conflict") == 1
        assert seen.one(own.NATIVE_SERIES_DROPPED.name, target="tgi", replica="", reason="budget") == 0


@pytest.mark.prometheus
async def test_nothing_but_relayed_names_displeases_promtool() -> None:
    body, _ = exposition_with(await relay_of_all_kinds()).render("")
    said = await asyncio.to_thread(complaints, body)
    assert said
    assert [line for line in said if not line.startswith(("vllm:", "tgi_"))] == []


@asynccontextmanager
async def served(exposition: PrometheusExposition) -> AsyncIterator[str]:
    """The address where it is served at `/text`, `/openmetrics` and `/messages`, whatever is asked for."""

    async def answer(request: web.Request) -> web.Response:
        body, content_type = exposition.render({"/text": "", "/openmetrics": PROMETHEUS_2, "/messages": CONTENT_TYPE}[request.path])
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/text", answer)
    app.router.add_get("/openmetrics", answer)
    app.router.add_get("/messages", answer)
    async with listening(app, Address("127.0.0.1", 0)) as address:
        yield str(address)


@pytest.mark.prometheus
async def test_prometheus_takes_all_of_it_in_every_form(tmp_path: Path) -> None:
    binary, server = prometheus_binary(), f"127.0.0.1:{free_port()}"
    forms = ("text", "openmetrics", "messages")
    flags = ("--enable-feature=native-histograms",) if prometheus_version(binary) < (3, 8) else ()
    relay = await relay_of_all_kinds()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(served(exposition_with(relay)))
        jobs = ", ".join(
            f"{{job_name: {form}, metrics_path: /{form}, honor_labels: true, static_configs: [{{targets: ['{address}']}}]}}" for form in forms
        )
        (tmp_path / "prometheus.yml").write_text(f"global: {{scrape_interval: 1s}}\nscrape_configs: [{jobs}]\n")
        storage = f"--storage.tsdb.path={tmp_path / 'data'}"
        await stack.enter_async_context(
            process(binary, f"--config.file={tmp_path / 'prometheus.yml'}", storage, f"--web.listen-address={server}", *flags, cwd=tmp_path)
        )
        prometheus = Prometheus(f"http://{server}", await stack.enter_async_context(aiohttp.ClientSession()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await prometheus.query("count(scrape_samples_scraped > 0)") != {"": len(forms)}:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.2)
        for form in forms:
            held = await prometheus.query(f'count({{job="{form}", __name__=~"(vllm:|tgi_).*"}})')
            assert held == {"": relay.now().series}
            assert await prometheus.query(f'min(up{{job="{form}"}})') == {"": 1}
            assert await prometheus.query(f'vllm:g{{job="{form}", text=~"Grüße, 漢字 🙂.*"}} == -Inf') == {'od"d': float("-inf")}
            assert await prometheus.query(f'vllm:huge_bucket{{job="{form}", le=~"4999([.]0)?"}}') == {'od"d': 4998}


def peak_of(metrics: Metrics, accept: str) -> float:
    """The most memory that a scrape takes on top, in multiples of what it gives."""
    metrics.exposition.render(accept)
    tracemalloc.start()
    try:
        body, _ = metrics.exposition.render(accept)
        return tracemalloc.get_traced_memory()[1] / len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("accept", ["", PROMETHEUS_2], ids=["text", "openmetrics"])
def test_a_scrape_takes_memory_for_one_family_at_a_time(accept: str) -> None:
    """The samples of all of them would take seven times as much as the text."""
    targets = "".join(f"  engine-{number}: {{backend: vllm, url: 'http://127.0.0.1:{9000 + number}'}}\n" for number in range(20))
    metrics = Metrics(roster(parse(f"targets:\n{targets}scenarios: {{beat: {{every: 15s}}}}\n").config), {})
    assert peak_of(metrics, accept) < 5


def test_a_series_of_a_histogram_is_small() -> None:
    """Of each target there are hundreds, most of them buckets."""
    families = Families(CollectorRegistry(), {})
    tracemalloc.start()
    try:
        for number in range(101):
            families.child(own.TTFT, ("vllm", "tiny", str(number), "heartbeat"))
            if number == 0:
                before, _ = tracemalloc.get_traced_memory()  # the family itself
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 100 / (len(own.TTFT.bounds) + 3) < 150
