"""What is known of the engines' own metrics, held against what each version served."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from catalogue import llamacpp, pods, tgi, vllm
from catalogue.engine_metric import RELAY_LABELS, EngineMetric
from catalogue.engines import ENGINE_METRICS
from catalogue.own import CATALOGUE
from exporter.metrics.families import Families
from exporter.native.families import START_TIME
from exporter.native.relay import RESERVED
from probes.backends import BACKENDS
from probes.numbers.family import Family
from tests.exporter.native import recorded

ENGINES = [backend.name for backend in BACKENDS.values() if backend.metrics]


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


VERSIONS = {
    f"{engine}-{version}": version
    for engine in ENGINES
    for version in sorted((path.stem.partition("-")[2] for path in (recorded.FOLDER / engine).glob("metrics-*[0-9].txt")), key=as_numbers)
}
"""The recorded pages, of each engine the oldest first."""
NEWEST = {engine: page for page in VERSIONS for engine in [page.partition("-")[0]]}
CALLED_COUNTERS = (llamacpp.LONGEST, llamacpp.LONGEST_BEFORE, llamacpp.BUSY_SLOTS)
"""What is a gauge by its nature, and by its type in some builds."""
KNOWN = {metric.name: metric for metric in ENGINE_METRICS}


def served(page: str) -> list[Family]:
    """The families of a fixture, those without a series too."""
    return [family for family in recorded.families(recorded.text(page)) if family.name != START_TIME]


def labels(family: Family) -> set[str]:
    """Its own, without the one that tells the points of a histogram apart."""
    return {name for sample in family.samples for name, _ in sample.labels} - ({"le"} if family.type == "histogram" else set())


@pytest.mark.parametrize("page", VERSIONS)
def test_each_family_is_known_with_its_type_and_its_labels(page: str) -> None:
    for family in served(page):
        metric = KNOWN[family.name]
        assert metric.type == family.type or (metric in CALLED_COUNTERS and family.type == "counter"), family.name
        if family.samples:
            own = set(metric.labels) - set(RELAY_LABELS)
            if metric is vllm.CACHE_CONFIG:
                assert own - {vllm.ENGINE} <= labels(family)
            elif page == "vllm-0.6":
                assert labels(family) == own - {vllm.ENGINE}, family.name
            else:
                assert labels(family) == own, family.name


@pytest.mark.parametrize("page", VERSIONS)
def test_each_family_is_of_this_version(page: str) -> None:
    version = as_numbers(VERSIONS[page])
    for family in served(page):
        metric = KNOWN[family.name]
        assert as_numbers(metric.since) <= version, family.name
        assert not metric.until or version <= as_numbers(metric.until), family.name


@pytest.mark.parametrize("engine", ENGINES)
def test_the_newest_version_has_all_that_is_not_gone(engine: str) -> None:
    page = NEWEST[engine]
    missing = {metric.name for metric in ENGINE_METRICS if metric.name.startswith(engine) and not metric.until and not metric.condition}
    assert missing - {family.name for family in served(page)} == set()


def test_every_name_stands_once() -> None:
    names = Counter(metric.name for metric in (*CATALOGUE, *ENGINE_METRICS, *pods.PODS))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("metric", ENGINE_METRICS, ids=lambda metric: metric.name)
def test_each_says_what_it_is(metric: EngineMetric) -> None:
    assert metric.help.endswith((".", "…"))
    assert metric.labels[: len(RELAY_LABELS)] == RELAY_LABELS
    assert len(set(metric.labels)) == len(metric.labels)
    if metric.name.startswith(("vllm:", "sglang:")) and metric.type == "counter":
        assert metric.name.endswith("_total")
    if metric in tgi.TGI:
        assert not metric.name.endswith("_total")


def test_the_labels_of_the_relay_are_those_that_it_sets() -> None:
    assert set(RELAY_LABELS) == RESERVED


def test_chatprobe_serves_no_summary_of_its_own() -> None:
    words = "tgi_request_skipped_tokens: quantiles of several processes cannot be added up; have it as a histogram"
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        Families(CollectorRegistry(), {}).child(tgi.SKIPPED, ())
