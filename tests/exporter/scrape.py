"""What a scrape says, in a shape that tests can ask."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.samples import Exemplar

from config.model import Config
from config.reader import parse
from exporter.assembly import Metrics
from probes.backends import BACKENDS
from tests.processes import of_prometheus

_read_labels = functools.lru_cache(1 << 17)(parser.parse_labels)


def _labels(text: str, openmetrics: bool = False) -> dict[str, str]:
    """As prometheus-client reads them, character by character, which it does once: nearly every series was in an earlier scrape too."""
    return dict(_read_labels(text, openmetrics))


vars(openmetrics_parser)["parse_labels"] = _labels

CONFIG = """
targets:
  vllm: {backend: vllm, url: "http://127.0.0.1:8000", model: tiny}
  tgi: {backend: tgi, url: "http://127.0.0.1:8001"}
scenarios:
  heartbeat: {every: 15s, prompt: {text: Hello}}
  long: {every: 60s, prompt: {text: Hello}, targets: [vllm], cache: warm, connection: fresh, thinking: on}
slos:
  quick: {scenario: heartbeat, ttft: 60.5ms, tpot: 25.5ms, e2e: 1300ms, objective: 99%}
  there: {scenario: heartbeat, objective: 99.9%}
"""


def config(yaml: str = CONFIG) -> Config:
    return parse(yaml).config


Labels = frozenset[tuple[str, str]]


_PREFIXES = "|".join(re.escape(prefix) for backend in BACKENDS.values() if backend.metrics for prefix in backend.metrics.prefixes)
_RELAYED = re.compile(rf"(# (HELP|TYPE) )?({_PREFIXES})".encode())


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, by name and then by labels."""

    samples: dict[str, dict[Labels, float]]
    exemplars: dict[tuple[str, Labels], Exemplar]

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the samples with at least these labels; None if there are none."""
        found = [value for held, value in self.samples.get(name, {}).items() if labels.items() <= held]
        return sum(found) if found else None

    def one(self, name: str, **labels: str) -> float | None:
        """The sample with exactly these labels."""
        return self.samples.get(name, {}).get(frozenset(labels.items()))

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(held) for held in self.samples.get(name, {})]

    def all_labels(self) -> list[dict[str, str]]:
        return [dict(held) for series in self.samples.values() for held in series]

    @property
    def names(self) -> set[str]:
        return set(self.samples)


def scrape(metrics: Metrics) -> Scrape:
    return read(metrics.exposition.render("text/plain")[0])


def scrape_openmetrics(metrics: Metrics) -> Scrape:
    return read(metrics.exposition.render("application/openmetrics-text")[0], as_openmetrics=True)


def read(body: bytes, *, as_openmetrics: bool = False) -> Scrape:
    samples: dict[str, dict[Labels, float]] = {}
    exemplars: dict[tuple[str, Labels], Exemplar] = {}
    for name, labels, value, exemplar in (_openmetrics if as_openmetrics else _text)(body.decode()):
        series = samples.setdefault(name, {})
        assert labels not in series, "a series stands there twice"
        series[labels] = value
        if exemplar is not None:
            exemplars[name, labels] = exemplar
    return Scrape(samples, exemplars)


def _text(body: str) -> Iterator[tuple[str, Labels, float, None]]:
    """Lines of a series and its value, as we write them: without a time."""
    for line in body.split("\n"):
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            yield *_series(series), float(value), None


@functools.lru_cache(1 << 17)
def _series(text: str) -> tuple[str, Labels]:
    """As prometheus-client reads it, which it does once too."""
    (family,) = parser.text_string_to_metric_families(f"{text} 0\n")
    (sample,) = family.samples
    return sample.name, frozenset(sample.labels.items())


def _openmetrics(body: str) -> Iterator[tuple[str, Labels, float, Exemplar | None]]:
    for family in openmetrics_parser.text_string_to_metric_families(body):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            yield sample.name, frozenset(sample.labels.items()), sample.value, sample.exemplar


def promtool_accepts(body: bytes) -> None:
    """Fails with promtool's words if `promtool check metrics` finds anything in what is ours.

    The engines' own names are relayed as they are, and promtool has much to say of them.
    """
    assert complaints(b"".join(line for line in body.splitlines(keepends=True) if not _RELAYED.match(line))) == []


def complaints(body: bytes) -> list[str]:
    """What `promtool check metrics` says, line by line."""
    done = subprocess.run([of_prometheus("promtool"), "check", "metrics"], input=body, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode().splitlines()
    assert bool(said) == bool(done.returncode), (done.returncode, said)
    return said
