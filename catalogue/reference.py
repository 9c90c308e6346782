"""Writes the reference of the metrics from the catalogue: `python -m catalogue.reference > docs/metrics.md`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable, Iterator

from catalogue import buckets, own
from catalogue.metric import Metric
from catalogue.unified import PREFIX
from probes import backends
from probes.wording import listed

_INTRODUCTION = (
    "Written by `python -m catalogue.reference` from the catalogue; a test keeps the two alike.",
    "Units are base units. Counters and histograms of a configured target exist at 0 before its first chat, under the model `unknown` until the "
    "engine has named one. The exceptions are `{first_content}`, absent until the model was seen to reason, and `{cached}` and `{engine}`, absent "
    "until the engine has told of a chat. Gauges are absent until there is "
    "something to say. Where a target's model changes, its series end and new ones begin at 0. The usual `process_*` and `python_*` metrics are "
    "served too.",
    "`{native}*` are the engines' own numbers. They are read from the engines' metrics, from what they say is loaded, and from what their answers "
    "tell. An engine that does not offer a number, or offers one that cannot be read, has no such series. `replica` is there only where a target "
    "lists several processes. Histograms of {with_metrics} keep the engine's own buckets, so those of different engines cannot be added up.",
    "In OpenMetrics and in protobuf, the buckets of `{ttft}` and `{e2e}` carry exemplars with the chat's `request_id`, which it sent as "
    "`X-Request-Id` and as the trace id of `traceparent`.",
)
_WIDTH = 120
_BUCKETS = {
    "Time to first token, time to first content": buckets.FIRST_TOKEN,
    "Inter-token latency, time per output token": buckets.TOKEN,
    "Whole chat": buckets.WHOLE_CHAT,
    "Stall, an engine's queue and its work on the prompt": buckets.WAIT,
    "Phase": buckets.PHASE,
    "Tokens a second": buckets.RATE,
    "Loading of a model": buckets.LOAD,
    "Schedule lag, event loop lag": buckets.LAG,
}
_VALUES: tuple[tuple[str, Metric | None, tuple[str, ...]], ...] = (
    (own.REASON, own.PROBE_FAILURES, own.FAILURE_REASONS),
    (own.REASON, own.PROBE_SKIPPED, own.SKIP_REASONS),
    (own.REASON, own.PAIRS_UNDECIDED, own.UNDECIDED),
    (own.OUTCOME, None, own.OUTCOMES),
    (own.PHASE, own.PHASE_SECONDS, own.PHASES),
    (own.PHASE, own.ENGINE_SECONDS, own.ENGINE_PHASES),
    (own.BASIS, None, own.BASES),
)
"""A label whose values are a closed list, the metric that has it with these (None: all that have it), and the values."""


def values_of_labels(metric: Metric) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The labels of a metric whose values are a closed list, each with these."""
    return ((label, values) for label, of, values in _VALUES if metric is of or (of is None and label in metric.labels))


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    exceptions = {"first_content": own.FIRST_CONTENT.name, "cached": own.CACHED_INPUT_TOKENS.name, "engine": own.ENGINE_SECONDS.name}
    names = {**exceptions, "ttft": own.TTFT.name, "e2e": own.E2E.name}
    with_metrics = listed(backends.titles(lambda backend: backend.metrics))
    yield "# Metrics"
    yield ""
    for paragraph in _INTRODUCTION:
        yield _wrapped(paragraph.format(native=PREFIX, with_metrics=with_metrics, **names))
        yield ""
    native = [metric for metric in own.CATALOGUE if metric.name.startswith(PREFIX)]
    itself = [metric for metric in own.CATALOGUE if metric.name.startswith("chatprobe_exporter_")]
    yield from _table("Of chats and targets", [metric for metric in own.CATALOGUE if metric not in (*native, *itself)])
    yield from _table("Of the engines, by their own account", native)
    yield from _table("Of the exporter itself", itself)
    yield "## Values of labels"
    yield ""
    for label, metric, values in _VALUES:
        where = "" if metric is None else f" of `{metric.name}`"
        yield _item(f"`{label}`{where}: {', '.join(f'`{value}`' for value in values)}")
    yield ""
    yield "## Buckets"
    yield ""
    yield "The thresholds of all SLOs join the buckets of their metric, so that a threshold is always a boundary."
    yield ""
    for title, chosen in _BUCKETS.items():
        yield _item(f"**{title}**: {', '.join(f'{bound:g}' for bound in chosen.bounds)}. {chosen.reason}")


def _table(title: str, metrics: Iterable[Metric]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| Metric | Type | Labels | Meaning |"
    yield "|---|---|---|---|"
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |"
    yield ""


def _item(text: str) -> str:
    return _wrapped(text, "- ", "  ")


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Lines as long as those of other pages; `first` and `rest` begin them."""
    return textwrap.fill(text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False, break_long_words=False)


if __name__ == "__main__":
    sys.stdout.write(reference())
