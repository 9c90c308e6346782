"""`/probe`, as Prometheus and people ask it."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shutil import which

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from catalogue import own, probe
from config.model import Config
from config.reader import parse
from exporter.web.probe import _patience
from exporter.web.room import AT_ONCE
from tests.exporter.running import Exporter, running
from tests.exporter.scrape import promtool_accepts, read
from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS, wait_for

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "probe.md"


def configured(url: str, *, on: bool = True) -> Config:
    return parse(f"""
    web: {{listen: "127.0.0.1:0", probe: {str(on).lower()}, limits: {{requests_per_second: 10000}}}}
    targets:
      alone: {{backend: vllm, url: "{url}"}}
      busy: {{backend: vllm, url: "{url}"}}
      slow: {{backend: vllm, url: "{url}"}}
      closed: {{backend: vllm, url: "http://127.0.0.1:9"}}
      poor: {{backend: vllm, url: "{url}"}}
    scenarios:
      rare: {{every: 1h, targets: [alone, busy, slow, closed], prompt: {{text: Hello}}}}
      other: {{every: 1h, targets: [busy], prompt: {{text: Hello}}}}
      dear: {{every: 1h, targets: [poor], prompt: {{text: Hello}}, max_tokens: 100000}}
    limits: {{tokens_per_hour: 50000}}
    """).config


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with running(configured) as one:
        yield one


def ask(exporter: Exporter, query: str, **headers: str) -> tuple[int, str]:
    answer = httpx.get(f"{exporter.url}/probe?{query}", headers=headers, timeout=PATIENCE_SECONDS)
    return answer.status_code, answer.text


def on_request(exporter: Exporter) -> float | None:
    return read(httpx.get(f"{exporter.url}/metrics").content).value(own.CHATS_ON_REQUEST.name)


def values(text: str) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value for family in text_string_to_metric_families(text) for sample in family.samples}


@pytest.mark.prometheus
def test_a_chat_that_goes_well(exporter: Exporter) -> None:
    status, text = ask(exporter, "target=alone")
    found = values(text)
    assert status == 200
    assert found["probe_success",] == 1
    assert 0 < found["probe_ttft_seconds",] < found["probe_e2e_seconds",] <= found["probe_duration_seconds",]
    assert (found["probe_output_tokens",], found["probe_input_tokens",], found["probe_http_status_code",]) == (3, 9, 200)
    assert found["probe_info", "vllm", "tiny", "rare"] == 1
    phases = sum(value for (name, *_), value in found.items() if name == "probe_phase_seconds")
    assert phases == pytest.approx(found["probe_e2e_seconds",], abs=1e-6)
    promtool_accepts(text.encode())


def test_as_openmetrics(exporter: Exporter) -> None:
    status, text = ask(exporter, "target=closed", Accept="application/openmetrics-text; version=1.0.0")
    assert (status, text.splitlines()[-1]) == (200, "# EOF")


def test_a_chat_that_fails(exporter: Exporter) -> None:
    status, text = ask(exporter, "target=closed&scenario=rare")
    found = values(text)
    assert (status, found["probe_success",], found["probe_failed", "connect"], found["probe_http_status_code",]) == (200, 0, 1, 0)


def test_a_chat_that_the_limits_do_not_let_through(exporter: Exporter) -> None:
    status, text = ask(exporter, "target=poor")
    found = values(text)
    assert (status, found["probe_success",], found["probe_skipped", "token_budget"]) == (200, 0, 1)
    assert set(found) == {("probe_success",), ("probe_duration_seconds",), ("probe_skipped", "token_budget")}


def test_the_timeline(exporter: Exporter) -> None:
    time.sleep(1)
    status, text = ask(exporter, "target=alone&debug=true")
    assert status == 200
    lines = text.splitlines()
    assert lines[0] == "Timeline:"
    instants = [float(line.split(" ms ")[0]) for line in lines if " ms  " in line]
    assert instants == sorted(instants)
    for words in ("first byte of the request sent", "head of the answer came with status 200", "chunk 3 of 3, 1 token", "end of the answer: stop"):
        assert words in text
    assert "probe_success 1.0" in lines
    assert "Scenario rare:" in lines
    failed = ask(exporter, "target=closed&debug=true")[1]
    assert "failed: connect: " in failed
    assert "no chat was sent: token_budget" in ask(exporter, "target=poor&debug=true")[1]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "no target is given; ask for /probe?target=NAME&scenario=NAME"),
        ("target=", "no target is given"),
        ("target=nobody", "'nobody' is no target; give a name that is configured or was discovered, never a URL"),
        ("target=http://169.254.169.254/latest/meta-data", "is no target"),
        ("target=127.0.0.1:80", "is no target"),
        ("target=alone%0d%0aX-Evil:%201", "is no target"),
        ("target=" + "a" * 5000, "is no target"),
        ("target=busy", "2 scenarios are for this target; name one: rare, other"),
        ("target=busy&scenario=bogus", "'bogus' is no scenario for this target; there are rare, other"),
        ("target=alone&scenario=other", "'other' is no scenario for this target; there are rare"),
        ("target=alone&target=busy", "target is given more than once; give it once"),
        ("target=alone&module=http_2xx", "there are no modules here; give scenario=NAME"),
    ],
)
def test_what_is_no_name(exporter: Exporter, query: str, words: str) -> None:
    before = on_request(exporter)
    status, text = ask(exporter, query)
    assert status == 400
    assert words in text
    assert len(text) < 300
    assert on_request(exporter) == before


def test_only_get(exporter: Exporter) -> None:
    assert httpx.head(f"{exporter.url}/probe?target=alone").status_code == 405
    assert httpx.post(f"{exporter.url}/probe?target=alone").status_code == 405


def test_it_ends_before_the_scraper_gives_up(exporter: Exporter) -> None:
    exporter.engine.finish.clear()
    try:
        status, text = 503, ""
        while status == 503:  # a busy machine may take longer than the scraper waits, which is said so
            status, text = ask(exporter, "target=slow", **{"X-Prometheus-Scrape-Timeout-Seconds": "2"})
        found = values(text)
        assert (status, found["probe_success",]) == (200, 0)
        assert found["probe_failed", "timeout"] == 1
        assert found["probe_e2e_seconds",] == pytest.approx(1.5, abs=0.4)
    finally:
        exporter.engine.finish.set()


@pytest.mark.parametrize(
    ("header", "seconds"), [("10", 9.5), ("1", 0.5), ("0.5", 0.25), ("", None), ("soon", None), ("inf", None), ("-1", None), ("nan", None)]
)
def test_how_long_a_chat_may_take(header: str, seconds: float | None) -> None:
    assert _patience(header) == seconds


def _has_answered(exporter: Exporter, chats: int) -> bool:
    return len(exporter.engine.chats) == chats


def test_who_gives_up_leaves_a_chat_that_still_counts(exporter: Exporter) -> None:
    url, before = httpx.URL(exporter.url), len(exporter.engine.chats)
    exporter.engine.finish.clear()
    try:
        for held in range(1, AT_ONCE + 1):
            with socket.create_connection((url.host, url.port), PATIENCE_SECONDS) as giving_up:
                giving_up.sendall(b"GET /probe?target=slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
                wait_for(partial(_has_answered, exporter, before + held))
        status, text = ask(exporter, "target=slow")
        assert (status, "of each target 2 at once" in text) == (429, True), text
    finally:
        exporter.engine.finish.set()


def test_it_is_off_unless_it_is_wanted() -> None:
    with running(lambda url: configured(url, on=False)) as off:
        status, text = ask(off, "target=alone")
        assert status == 403
        assert "Set web: {probe: true}" in text
        assert on_request(off) == 0


def test_the_documentation_has_every_metric() -> None:
    page = DOCUMENTATION.read_text(encoding="utf-8")
    for metric in probe.PROBE:
        labels = f"{{{', '.join(metric.labels)}}}" if metric.labels else ""
        assert f"| `{metric.name}{labels}` | {metric.help} |" in page


def test_a_real_prometheus_asks_as_the_documentation_says(exporter: Exporter, tmp_path: Path) -> None:
    prometheus = which("prometheus")
    if prometheus is None:
        pytest.skip("prometheus is not installed")
    documented = DOCUMENTATION.read_text(encoding="utf-8").split("```yaml\n# prometheus.yml\n")[1].split("```")[0]
    settings = yaml.safe_load(documented.replace("chatprobe.example.com:9840", exporter.url.removeprefix("http://")))
    (job,) = settings["scrape_configs"]
    job |= {"scrape_interval": "2s", "scrape_timeout": "2s", "static_configs": [{"targets": ["alone"]}]}
    settings["global"] = {"scrape_interval": "2s"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
    address = f"127.0.0.1:{free_port()}"
    command = [
        prometheus,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            found = scraped(f"http://{address}/api/v1/query", 'probe_success{job="chatprobe-probe"} == 1')
        finally:
            process.terminate()
    assert found["target"] == "alone"
    assert found["instance"] == exporter.url.removeprefix("http://")


def scraped(url: str, query: str) -> dict[str, str]:
    """The labels of the one series that the query finds, once it finds one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError, json.JSONDecodeError):  # while it starts it answers 503, in plain text
            found = httpx.get(url, params={"query": query}).json()["data"]["result"]
            if found:
                labels: dict[str, str] = found[0]["metric"]
                return labels
        time.sleep(0.2)
    raise AssertionError("Prometheus has no such series")
