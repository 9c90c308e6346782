"""Whoever scrapes messages has all that lines have, and histograms as native ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import InfoMetricFamily, UnknownMetricFamily
from prometheus_client.metrics_core import Metric as Collected

from catalogue import own
from exporter.assembly import Metrics
from exporter.metrics.exponential import ZERO_THRESHOLD, Exponential, NativeHistogram
from exporter.native.relay import RelaySettings
from exporter.protobuf.form import Messages
from exporter.protobuf.kept import KeptMessages, tell_exponential
from exporter.protobuf.schema import CONTENT_TYPE, COUNTER, GAUGE, HISTOGRAM, UNTYPED
from exporter.protobuf.writing import as_messages
from exporter.web.forms import OPENMETRICS, TEXT, preferred
from exporter.web.writing import as_text
from tests.exporter.chats import chat
from tests.exporter.native.expositions import by_hand, families_of
from tests.exporter.protobuf.reading import ACCEPT, bound, counts, families, in_lines, scrape_messages
from tests.exporter.scrape import CONFIG, Labels, config, read, scrape, scrape_openmetrics
from tests.exporter.test_exposition import HUGE, NASTY, PROMETHEUS_2, PROMETHEUS_3
from tests.exporter.test_kept import ALL, CHANGE, change
from tests.exporter.test_kept import families as kept_families
from traffic.roster import roster

NATIVE = CONFIG + "metrics: {native_histograms: true}\n"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
CHANGES = {own.SERIES.name, own.EXPOSITION_DURATION.name, own.EXPOSITION_KEPT.name}
"""What another scrape tells otherwise; the first does not tell how long the one before took."""


def metrics(yaml: str = NATIVE) -> Metrics:
    return Metrics(roster(config(yaml)), {own.CLOCK_STEPS: lambda: 3, own.STREAMS_IN_FLIGHT: lambda: 1})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (ACCEPT, "protobuf"),
        (f"{PROTOBUF},{PROMETHEUS_2}", "protobuf"),
        (PROTOBUF, "protobuf"),
        (f"{PROTOBUF};q=0.2,text/plain;q=0.3", "text"),
        (f"{PROTOBUF};q=0,*/*", "text"),
        (PROTOBUF.replace("delimited", "text"), "text"),
        (PROTOBUF.replace("MetricFamily", "Other"), "text"),
        ("application/vnd.google.protobuf", "text"),
        (PROMETHEUS_2, "openmetrics"),
        (PROMETHEUS_3, "openmetrics"),
        ("*/*", "text"),
    ],
)
def test_messages_are_for_those_who_prefer_them_where_they_are_offered(accept: str, expected: str) -> None:
    assert preferred(accept, protobuf=Messages).content_type == {"protobuf": CONTENT_TYPE, "openmetrics": OPENMETRICS, "text": TEXT}[expected]
    assert preferred(accept).content_type != CONTENT_TYPE


def test_without_the_setting_they_are_not_offered() -> None:
    assert metrics(CONFIG).exposition.render(ACCEPT)[1] == OPENMETRICS
    assert metrics(CONFIG).exposition.render(PROTOBUF)[1] == TEXT


async def test_they_tell_all_that_lines_tell() -> None:
    one = metrics()
    for engine in ("vllm", "tgi", "sglang"):
        one.relay.serve(engine, engine, None, await families_of(engine))
    one.relay.serve('od"d', "vllm", None, (*NASTY, HUGE))
    one.relay.serve("other", "vllm", "10.0.0.1:8000", by_hand('# TYPE vllm:s summary\nvllm:s{quantile="0.5"} 2\nvllm:s_sum 3\nvllm:s_count 4\n'))
    one.recording(chat())
    messages, lines = in_lines(scrape_messages(one)), scrape_openmetrics(one)
    for name in lines.names | messages.names:
        if name not in CHANGES and not name.startswith(("process_", "python_")):
            assert normal(messages.samples[name]) == normal(lines.samples[name]), name
    assert messages.names == lines.names - {own.EXPOSITION_DURATION.name}
    for at, exemplar in lines.exemplars.items():
        told = messages.exemplars[at]
        assert (told.labels, told.value) == (exemplar.labels, exemplar.value)
        assert float(told.timestamp or 0) == pytest.approx(float(exemplar.timestamp or 0), abs=1e-3)
    assert messages.exemplars.keys() == lines.exemplars.keys() != set()


def normal(series: Mapping[Labels, float]) -> Mapping[Labels, str]:
    """As Prometheus writes numbers, in labels too, whoever wrote them: `1.0` for `1`. NaN is the same as NaN."""
    return {
        frozenset((name, bound(float(value)) if name in ("le", "quantile") else value) for name, value in labels): bound(number)
        for labels, number in series.items()
    }


def test_families_have_their_types_words_and_units() -> None:
    one = metrics()
    one.recording(chat())
    found = scrape_messages(one)
    assert (found[own.TTFT.name].type, found[own.TTFT.name].unit, found[own.TTFT.name].help) == (HISTOGRAM, "seconds", own.TTFT.help)
    assert (found[own.PROBES.name].type, found[own.PROBES.name].HasField("unit")) == (COUNTER, False)
    assert found[own.CLOCK_STEPS.name].type == COUNTER
    assert found[own.PROBE_SUCCESS.name].type == found["python_info"].type == GAUGE
    assert {family.unit for family in found.values()} <= {"", "seconds", "bytes", "ratio"}


def test_every_histogram_of_ours_is_a_native_one_from_the_start() -> None:
    one = metrics()
    before = scrape_messages(one)
    for _ in range(20):
        one.recording(chat())
    after = scrape_messages(one)
    ours = [metric for metric in own.CATALOGUE if metric.type == "histogram" and metric.name in after]
    assert len(ours) > 6
    for metric in ours:
        for told in (each.histogram for found in (before, after) if metric.name in found for each in found[metric.name].metric):
            assert (told.schema, told.zero_threshold) == (4, ZERO_THRESHOLD)
            native = (counts(told.positive_span, told.positive_delta), counts(told.negative_span, told.negative_delta))
            assert told.zero_count + sum(map(sum, (held.values() for held in native))) == told.sample_count == told.bucket[-1].cumulative_count
    assert sum(each.histogram.sample_count for each in after[own.TTFT.name].metric) == 20


def test_the_engines_numbers_stay_classic() -> None:
    """Nobody knows what was observed for them: there are only their buckets."""
    one = metrics()
    one.relay.configure(RelaySettings(buckets="all"))
    one.relay.serve(
        "t", "vllm", None, by_hand('# TYPE vllm:h histogram\nvllm:h_bucket{le="1"} 1\nvllm:h_bucket{le="+Inf"} 2\nvllm:h_sum 3\nvllm:h_count 2\n')
    )
    told = scrape_messages(one)["vllm:h"].metric[0].histogram
    assert (told.HasField("zero_threshold"), len(told.positive_span), len(told.bucket)) == (False, 0, 2)


@pytest.mark.parametrize("count", [2.0**53, 2.0**64, 1e300])
def test_a_count_beyond_reason_is_told_as_it_is(count: float) -> None:
    one = metrics()
    one.relay.configure(RelaySettings(buckets="all"))
    written = f'# TYPE vllm:h histogram\nvllm:h_bucket{{le="+Inf"}} {count!r}\nvllm:h_sum 3\nvllm:h_count {count!r}\n'
    one.relay.serve("t", "vllm", None, by_hand(written))
    lines = in_lines(scrape_messages(one))
    assert lines.value("vllm:h_bucket") == lines.value("vllm:h_count") == count
    one.relay.serve("t", "vllm", None, by_hand(f"# TYPE vllm:s summary\nvllm:s_sum 3\nvllm:s_count {count!r}\n"))
    assert in_lines(scrape_messages(one)).value("vllm:s_count") == min(int(count), 2**64 - 1)


def test_what_is_asked_for_by_name_is_all_there_is() -> None:
    one = metrics()
    body, _ = one.exposition.render(ACCEPT, {own.TTFT.bucket, own.PROBES.name, own.CLOCK_STEPS.name})
    assert families(body).keys() == {own.TTFT.name, own.PROBES.name, own.CLOCK_STEPS.name}


def test_it_tells_how_many_series_there_are_with_the_native_ones() -> None:
    one = metrics()
    found = scrape_messages(one)
    lines = in_lines(found)
    native = sum(len(family.metric) for family in found.values() if family.type == HISTOGRAM and family.metric[0].histogram.HasField("schema"))
    assert lines.one(own.SERIES.name) == sum(map(len, lines.samples.values())) + native


def test_start_times_are_told_where_they_are_configured() -> None:
    one = metrics()
    assert not any(begins(family) for family in scrape_messages(one).values())
    one.tell_created(True)
    found = scrape_messages(one)
    told = {name: begins(family) for name, family in found.items()}
    assert all(abs(at - time.time()) < 600 for starts in told.values() for at in starts)
    for metric in (own.TTFT, own.PROBES, own.CLOCK_STEPS):
        assert len(told[metric.name]) == len(found[metric.name].metric) > 0
    assert not any(name.endswith("_created") for name in in_lines(found).names)


def begins(family: Any) -> list[float]:
    of_each = [metric.counter if family.type == COUNTER else metric.histogram for metric in family.metric]
    return [told.created_timestamp.seconds for told in of_each if told.HasField("created_timestamp")]


def as_native(family: Counter | Gauge | Histogram) -> Counter | Gauge | Histogram:
    """The same family, as a native histogram if it is one."""
    if not isinstance(family, Histogram):
        return family
    return NativeHistogram(family._name, family._documentation, family._labelnames, registry=CollectorRegistry(), buckets=family._upper_bounds)


@given(st.lists(st.tuples(CHANGE, st.booleans(), st.booleans()), max_size=20), st.sampled_from([0, 1500, ALL]))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_is_what_would_be_written_anew_after_any_changes(changes: list[tuple[Any, bool, bool]], most_kept_bytes: int) -> None:
    ours = [as_native(family) for family in kept_families()]
    held = [KeptMessages(family, created=created) for family in ours for created in (False, True)]
    for (number, labels, value, exemplar), removed, looked_at in changes:
        if removed and labels:
            ours[number].labels(*labels)
            ours[number].remove(*labels)
        change(ours[number], labels, value, exemplar)
        if looked_at:
            for one in held:
                list(one.parts(most_kept_bytes))
    for one in held:
        kept = b"".join(one.parts(most_kept_bytes))
        assert kept == b"".join(KeptMessages(one._family, created=one._created).parts(0))
        assert one.kept_bytes <= most_kept_bytes
        (found,) = families(kept).values()
        native = len(found.metric) if isinstance(one._family, NativeHistogram) else 0
        assert one.series == sum(map(len, in_lines({"": found}).samples.values())) + native


def test_only_what_has_changed_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    family = NativeHistogram("h", "", ["of"], registry=CollectorRegistry(), buckets=(1.0,))
    for of in "abc":
        family.labels(of).observe(0.2)
    one = KeptMessages(family, created=False)
    written: list[object] = []

    def counted(told: Any, observed: Exponential) -> None:
        written.append(observed)
        tell_exponential(told, observed)

    monkeypatch.setattr("exporter.protobuf.kept.tell_exponential", counted)
    for observed, expected in ((0, 3), (0, 0), (1, 1), (0, 0)):
        written.clear()
        for _ in range(observed):
            family.labels("b").observe(0.0)
        list(one.parts(ALL))
        assert len(written) == expected


def families_of_all_kinds() -> list[Collected]:
    counter = CounterMetricFamily("n", "Words.", labels=["b", "a"], created=None)
    counter.add_metric(["1", "2"], 3)
    gauge = GaugeMetricFamily("g", 'Of "lines"\n.', value=-math.inf)
    histogram = HistogramMetricFamily("h", "", labels=["a"])
    histogram.add_metric(["x"], buckets=[("0.5", 1), ("+Inf", 2)], sum_value=3)
    summary = SummaryMetricFamily("s", "", labels=["a"])
    summary.add_metric(["x"], count_value=2, sum_value=3)
    return [counter, gauge, histogram, summary, UnknownMetricFamily("u", "", value=7), InfoMetricFamily("i", "", value={"version": "1"})]


@pytest.mark.parametrize("family", families_of_all_kinds(), ids=lambda family: family.type)
def test_a_family_that_is_not_kept_tells_the_same_as_its_lines(family: Collected) -> None:
    found = families(as_messages(family, created=False))
    assert in_lines(found).samples == read(as_text(family)).samples
    (name,) = found
    assert found[name].help == family.documentation
    assert found[name].type == {"unknown": UNTYPED, "info": GAUGE}.get(family.type, found[name].type)


def test_a_form_is_known_again() -> None:
    assert {Messages(created=True), Messages(created=True), Messages(created=False)} == {Messages(created=True), Messages(created=False)}


def test_text_and_openmetrics_are_the_same_with_native_histograms_and_without() -> None:
    with_native, without = metrics(), metrics(CONFIG)
    read_both: list[Callable[[Metrics], Any]] = [scrape, scrape_openmetrics]
    for read_one in read_both:
        assert read_one(with_native).samples.keys() == read_one(without).samples.keys()
        for name in (own.TTFT.bucket, own.E2E.sum, own.PHASE_SECONDS.count):
            assert read_one(with_native).samples[name] == read_one(without).samples[name]
