from __future__ import annotations

import pytest

from config.engine_metrics import MetricsPage, Native
from config.reader import parse
from config.targets import Target


def target(settings: str) -> Target:
    return parse(f"targets: {{v: {{url: http://gateway/v/, {settings}}}}}\nscenarios: {{b: {{every: 1h}}}}\n").config.targets["v"]


def pages(settings: str) -> tuple[MetricsPage, ...]:
    found = target(settings)
    assert found.metrics is not None
    return found.metrics.pages(found.url)


@pytest.mark.parametrize("backend", ["vllm", "tgi"])
def test_one_page_below_the_targets_url(backend: str) -> None:
    assert pages(f"backend: {backend}") == (MetricsPage("http://gateway/v/metrics", None),)
    assert pages(f"backend: {backend}, metrics: {{path: /own/page}}") == (MetricsPage("http://gateway/v/own/page", None),)


def test_a_page_for_each_replica() -> None:
    settings = 'backend: vllm, metrics: {urls: ["http://10.0.0.1:8000", "http://10.0.0.2:8000/", "https://[::1]/own/"]}'
    assert pages(settings) == (
        MetricsPage("http://10.0.0.1:8000/metrics", "10.0.0.1:8000"),
        MetricsPage("http://10.0.0.2:8000/metrics", "10.0.0.2:8000"),
        MetricsPage("https://[::1]/own", "[::1]"),
    )


def test_a_single_replica_needs_no_name() -> None:
    assert pages("backend: tgi, metrics: {urls: [http://inner]}") == (MetricsPage("http://inner/metrics", None),)


def test_replicas_at_one_host_are_named_by_their_whole_address() -> None:
    assert pages("backend: tgi, metrics: {urls: [http://host/a, http://host/b, http://other/a]}") == (
        MetricsPage("http://host/a", "host/a"),
        MetricsPage("http://host/b", "host/b"),
        MetricsPage("http://other/a", "other/a"),
    )


@pytest.mark.parametrize(
    ("settings", "tells"),
    [
        ("backend: vllm", True),
        ("backend: vllm, metrics: false", False),
        ("backend: ollama", True),
        ("backend: ollama, metrics: false", False),
        ("backend: openai", False),
        ("backend: openai, metrics: false", False),
    ],
)
def test_who_is_asked_for_what_it_says_of_itself(settings: str, tells: bool) -> None:
    assert target(settings).tells_of_itself is tells


def test_certificates_are_for_the_pages_of_replicas_too() -> None:
    secured = target("backend: vllm, metrics: {urls: [https://v-0]}, tls: {insecure: true}")
    assert secured.tls.insecure


def native(settings: str) -> Native:
    return parse(f"targets: {{v: {{backend: vllm, url: http://v}}}}\nscenarios: {{b: {{every: 1h}}}}\nnative: {settings}\n").config.native


def test_the_timeout_is_never_longer_than_the_interval() -> None:
    assert (native("{}").interval_seconds, native("{}").timeout_seconds) == (15, 5)
    assert native("{interval: 1s}").timeout_seconds == 1
    assert native("{interval: 10m}").timeout_seconds == 5
    assert native("{interval: 4s, timeout: 4s}").timeout_seconds == 4
