"""What is kept is what prometheus-client would write anew, to the letter, after any changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest as text_of
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of

from exporter.metrics.families import CREATED, Family
from exporter.metrics.ledger import Ledger
from exporter.web import kept
from exporter.web.exposition import AbandonedError, PrometheusExposition
from exporter.web.forms import Lines
from tests.exporter.scrape import read

FORMS = (Lines(openmetrics=False, created=False), Lines(openmetrics=True, created=False), Lines(openmetrics=True, created=True))
ALL = 2**30
TEXT = st.text(max_size=8) | st.sampled_from(['a "quoted"\\ name\nof two lines, é {}', ""])
NUMBER = st.floats() | st.sampled_from([0, 1, True, -0.0, 0.0, 1234567.0, 1e21, math.inf, math.nan])
AMOUNT = st.floats(min_value=0, allow_infinity=False) | st.sampled_from([0.0, 0.1, 0.5, 60.0, 1e9])
EXEMPLAR = st.none() | st.dictionaries(st.sampled_from(["request_id", "a"]), TEXT, min_size=1)


def families() -> tuple[Counter, Gauge, Histogram, Histogram, Gauge]:
    registry = CollectorRegistry()
    return (
        Counter("chats", "Say \\ and\ntwo.", ["target", "model"], registry=registry),
        Gauge("lag_seconds", "", ["z", "le_", "a"], unit="seconds", registry=registry),
        Histogram("ttft_seconds", 'A "word".', ["target", "backend"], registry=registry, buckets=(0.1, 0.5, 60, 1e7)),
        Histogram("bare", "Below 0 too.", registry=registry, buckets=(-1, 1)),
        Gauge("lonely", "", registry=registry),
    )


CHANGE = st.one_of(
    st.tuples(st.just(0), st.tuples(TEXT, TEXT), AMOUNT, EXEMPLAR),
    st.tuples(st.just(1), st.tuples(TEXT, TEXT, TEXT), NUMBER, st.none()),
    st.tuples(st.just(2), st.tuples(TEXT, TEXT), AMOUNT, EXEMPLAR),
    st.tuples(st.just(3), st.just(()), AMOUNT, EXEMPLAR),
    st.tuples(st.just(4), st.just(()), NUMBER, st.none()),
)


def change(family: Family, labels: tuple[str, ...], number: float, exemplar: dict[str, str] | None) -> None:
    match family.labels(*labels) if labels else family:
        case Counter() as counter:
            counter.inc(number, exemplar)
        case Gauge() as gauge:
            gauge.set(number)
        case Histogram() as histogram:
            histogram.observe(number, exemplar)


class Given:
    """A registry that has this family, without when its series began where that is not told."""

    def __init__(self, family: Family, form: Lines) -> None:
        self._family, self._form = family, form

    def collect(self) -> Iterator[Collected]:
        for collected in self._family.collect():
            if not self._form.tells_created:
                collected.samples = [sample for sample in collected.samples if not sample.name.endswith(CREATED)]
            yield collected


def expected(family: Family, form: Lines) -> bytes:
    if form.openmetrics:
        whole: bytes = openmetrics_of(Given(family, form))  # type: ignore[no-untyped-call]
        return whole.removesuffix(b"# EOF\n")
    return text_of(Given(family, form))


@given(st.lists(st.tuples(CHANGE, st.booleans(), st.integers(0, 3)), max_size=20), st.sampled_from([0, 1500, ALL]), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_it_is_what_prometheus_client_writes_after_any_changes(changes: list[tuple[Any, bool, int]], most_kept_bytes: int, at_once: int) -> None:
    """However much of it was looked at after each change, and in pieces of any size."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kept, "AT_ONCE", at_once)
        is_what_prometheus_client_writes_after(changes, most_kept_bytes)


def is_what_prometheus_client_writes_after(changes: list[tuple[Any, bool, int]], most_kept_bytes: int) -> None:
    ours = families()
    held = [(family, form, form.keep(family)) for family in ours for form in FORMS]
    for (number, labels, value, exemplar), removed, pieces in changes:
        if removed and labels:
            ours[number].labels(*labels)
            ours[number].remove(*labels)
        change(ours[number], labels, value, exemplar)
        for _, _, one in held:
            list(islice(one.parts(most_kept_bytes), pieces))
    for family, form, one in held:
        written = b"".join(one.parts(most_kept_bytes))
        assert written == expected(family, form)
        assert one.kept_bytes <= most_kept_bytes
        assert one.series == sum(not line.startswith(b"#") for line in written.removesuffix(b"\n").split(b"\n"))


def test_only_what_has_changed_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, histogram, _, _ = families()
    for target in "abc":
        histogram.labels(target, "vllm").observe(0.2)
    one = FORMS[1].keep(histogram)
    written: list[tuple[str, ...]] = []
    write = kept._Histograms.__call__

    def counted(self: kept._Histograms, labels: tuple[str, ...], child: Histogram) -> str:
        written.append(labels)
        return write(self, labels, child)

    monkeypatch.setattr(kept._Histograms, "__call__", counted)
    for observed, targets in ((0, "abc"), (0, ""), (1, "b"), (0, "")):
        written.clear()
        for _ in range(observed):
            histogram.labels("b", "vllm").observe(0.0)
        list(one.parts(ALL))
        assert written == [(target, "vllm") for target in targets]


def test_a_scrape_that_is_given_up_within_a_family_stops_there_and_the_next_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "AT_ONCE", 10)
    registry, asked = CollectorRegistry(), 0
    gauge = Gauge("one", "", ["number"], registry=registry)
    for number in range(100):
        gauge.labels(str(number)).set(number)
    exposition = PrometheusExposition(registry, Ledger())

    def abandoned() -> bool:
        nonlocal asked
        asked += 1
        return asked == 5

    with pytest.raises(AbandonedError):
        exposition.render("", abandoned=abandoned)
    assert 0 < exposition.kept_bytes < 100 * 100
    assert exposition.unreadable == 0
    gauge.labels("7").set(0.5)
    assert exposition.render("", {"one"})[0] == text_of(registry)


def test_a_series_that_ended_is_not_kept_and_one_that_begins_again_is_new() -> None:
    counter, *_ = families()
    counter.labels("a", "m").inc()
    counter.labels("b", "m").inc()
    one = FORMS[2].keep(counter)
    list(one.parts(ALL))
    of_two = one.kept_bytes
    counter.remove("a", "m")
    list(one.parts(ALL))
    assert 0 < one.kept_bytes < of_two
    counter.remove("b", "m")
    counter.labels("b", "m").inc()
    counter.labels("b", "m")._created += 1
    assert b"".join(one.parts(ALL)) == expected(counter, FORMS[2])


class Broken:
    """Cannot be read; it has given a part before that is seen."""

    def __init__(self, break_: Callable[[], None]) -> None:
        self._break = break_

    def collect(self) -> Iterator[Collected]:
        self._break()
        yield Collected("whole", "", "gauge")


def test_what_cannot_be_read_costs_itself_alone_and_is_counted() -> None:
    registry = CollectorRegistry()
    Gauge("before", "", registry=registry).set(1)
    asked: list[int] = []

    def break_once() -> None:
        asked.append(1)
        if len(asked) == 1:
            raise RuntimeError("out of order")

    registry.register(Broken(break_once))
    torn = Histogram("torn", "", ["a"], registry=registry)
    torn.labels("b")._buckets.pop()
    Gauge("behind", "", registry=registry).set(2)
    ledger = Ledger()
    exposition = PrometheusExposition(registry, ledger)
    body, _ = exposition.render("")
    seen = read(body)
    assert (seen.one("before"), seen.one("behind")) == (1, 2)
    assert b"torn" not in body
    assert b"whole" not in body
    assert exposition.unreadable == 2
    assert b"# TYPE whole gauge" in exposition.render("")[0]
    assert exposition.unreadable == 3


def test_what_is_kept_is_bounded_over_all_families_and_forms() -> None:
    registry = CollectorRegistry()
    for name in ("one", "two"):
        gauge = Gauge(name, "", ["number"], registry=registry)
        for number in range(100):
            gauge.labels(str(number)).set(number)
    bounded = PrometheusExposition(registry, Ledger(), most_kept_bytes=20_000)
    free = PrometheusExposition(registry, Ledger())
    for accept in ("", "application/openmetrics-text", ""):
        assert bounded.render(accept, {"one", "two"})[0] == free.render(accept, {"one", "two"})[0]
        assert 15_000 < bounded.kept_bytes <= 20_000
    assert free.kept_bytes > 40_000
    for collector in list(registry._collector_to_names):
        registry.unregister(collector)
    free.render("")
    free.render("application/openmetrics-text")
    assert free.kept_bytes == 0
