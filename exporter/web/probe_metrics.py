"""The metrics and the timeline of one chat that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Collected

from catalogue import probe
from catalogue.metric import Metric
from exporter.web.forms import preferred
from exporter.web.probing import Outcome, Probed
from probes.record import ChatRecord
from traffic.events import Skip

CHUNKS_SHOWN = 60
"""Of a longer answer, the timeline has so many chunks at its beginning, and the last one."""

_Value = tuple[Metric, float, tuple[str, ...]]


def exposed(probed: Probed, accept: str) -> tuple[bytes, str]:
    """The metrics, and their content type: in the form that an `Accept` header prefers."""
    form = preferred(accept)
    return b"".join((*map(form.write, _families(probed)), form.end)), form.content_type


def timeline(probed: Probed) -> Iterator[str]:
    """What happened when, in lines for people."""
    event = probed.event
    if isinstance(event, Skip):
        yield f"no chat was sent: {event.reason}"
        return
    yield f"chat {event.request_id} with {event.target} ({event.backend}, model {event.model}), scenario {event.scenario}, prompt {event.prompt_id}"
    for at_ns, what in _instants(event):
        yield f"{(at_ns - event.started_ns) / 1e6:12.3f} ms  {what}"
    if event.doubtful:
        yield f"timings may be off by {event.max_timing_error_seconds * 1e3:.3f} ms"


def _families(probed: Probed) -> Iterator[Collected]:
    found: dict[Metric, GaugeMetricFamily] = {}
    for metric, value, labels in _values(probed):
        if metric not in found:
            found[metric] = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
        found[metric].add_metric(labels, value)
    yield from found.values()


def _values(probed: Probed) -> Iterator[_Value]:
    yield probe.SUCCESS, float(probed.outcome is Outcome.OK), ()
    yield probe.DURATION, probed.seconds, ()
    match probed.event:
        case Skip(reason=reason):
            yield probe.SKIPPED, 1, (reason.value,)
        case ChatRecord() as record:
            yield from _of_a_chat(record)


def _of_a_chat(record: ChatRecord) -> Iterator[_Value]:
    if record.reason is not None:
        yield probe.FAILED, 1, (record.reason.value,)
    yield probe.HTTP_STATUS, record.http_status or 0, ()
    for phase, seconds in record.phases().items():
        if seconds is not None:
            yield probe.PHASE, seconds, (phase,)
    for metric, value in (
        (probe.TTFT, record.ttft_seconds),
        (probe.TPOT, record.tpot_seconds),
        (probe.E2E, record.e2e_seconds),
        (probe.STALL, record.stall_seconds),
        (probe.OUTPUT_RATE, record.output_tokens_per_second),
        (probe.INPUT_TOKENS, record.input_tokens),
        (probe.OUTPUT_TOKENS, record.output_tokens),
        (probe.DOUBTFUL, record.doubtful),
        (probe.CERTIFICATE, record.certificate_expiry),
    ):
        if value is not None:
            yield metric, float(value), ()
    yield probe.INFO, 1, (record.backend, record.model, record.scenario)


def _instants(record: ChatRecord) -> list[tuple[int, str]]:
    """(when, what) of all that is known of the chat, in order."""
    done = record.milestones
    status = "" if record.http_status is None else f" with status {record.http_status}"
    known = [
        (record.started_ns, "started" if record.connection != "reused" else "started, on a connection that was open"),
        (done.resolved_ns, "name resolved"),
        (done.connected_ns, "connected"),
        (done.secured_ns, "TLS done"),
        (record.sent_ns, "first byte of the request sent"),
        (done.request_sent_ns, "last byte of the request sent"),
        (record.headers_ns, f"head of the answer came{status}"),
        *_chunks(record),
        (record.finished_ns, f"end of the answer: {record.finish_reason}"),
    ]
    if record.failure is not None:
        known.append((record.ended_ns, f"failed: {record.failure.reason}: {record.failure.detail}"))
    return sorted(((at_ns, what) for at_ns, what in known if at_ns is not None), key=lambda one: one[0])


def _chunks(record: ChatRecord) -> Iterator[tuple[int, str]]:
    last = len(record.chunks)
    for number, chunk in enumerate(record.chunks, 1):
        if number <= CHUNKS_SHOWN or number == last:
            tokens = "" if chunk.tokens is None else f", {chunk.tokens} token{'' if chunk.tokens == 1 else 's'}"
            yield chunk.arrived_ns, f"chunk {number} of {last}{tokens}"
