"""Engines' expositions, read."""

from __future__ import annotations

import math
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.native.drops import DropReason, LeftOut
from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.families import LINE_LIMIT, NEEDED_LIMIT, OPENMETRICS, OTHERS_LIMIT, Page, parse
from probes.backends.vllm import METRICS
from probes.numbers.family import Family, Sample
from probes.numbers.histogram import Histogram as Buckets
from probes.numbers.number import Number
from simulator import Options
from simulator.tgi_metrics import TgiMetrics
from simulator.vllm_metrics import CONTENT_TYPE, VllmMetrics
from tests.exporter.native.recorded import page, parsed

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
VLLM = VllmMetrics(Options()).render().body


def tgi_text() -> bytes:
    metrics = TgiMetrics(Options())
    metrics.asked()
    metrics.asked()
    metrics.failed("overloaded")
    return metrics.render().body


def of_text(text: str) -> tuple[Family, ...]:
    return parsed(text.encode(), PLAIN)


def unreadable(body: bytes, content_type: str = PLAIN) -> None:
    with pytest.raises(ScrapeError) as refused:
        parsed(body, content_type)
    assert refused.value.reason is NativeReason.UNREADABLE


def test_a_counter_of_vllm_has_total_in_its_name() -> None:
    text = '# HELP vllm:prompt_tokens_total Number of tokens.\n# TYPE vllm:prompt_tokens_total counter\nvllm:prompt_tokens_total{engine="0"} 12.0\n'
    assert of_text(text) == (
        Family(
            "vllm:prompt_tokens_total", "counter", "Number of tokens.", (Sample("vllm:prompt_tokens_total", (("engine", "0"),), 12.0),)
        ),
    )  # fmt: skip


def test_a_counter_of_tgi_has_not() -> None:
    assert parsed(tgi_text(), "text/plain; charset=utf-8") == (
        Family("tgi_request_count", "counter", "Total number of requests", (Sample("tgi_request_count", (), 2.0),)),
        Family("tgi_request_failure", "counter", "", (Sample("tgi_request_failure", (("err", "overloaded"),), 1.0),)),
    )


def test_every_series_of_a_simulated_vllm() -> None:
    lines = [line for line in VLLM.decode().splitlines() if line.startswith(("vllm:", "process_start_time_seconds ")) and "_created{" not in line]
    families = parsed(VLLM, CONTENT_TYPE)
    assert sum(len(family.samples) for family in families) == len(lines) > 300
    for line, sample in zip(lines, (sample for family in families for sample in family.samples), strict=True):
        labels = ",".join(f'{name}="{value}"' for name, value in sample.labels)
        assert line.startswith(f"{sample.name}{{{labels}}} " if labels else f"{sample.name} ")
        assert float(line.rpartition(" ")[2]) == sample.value


def test_a_histogram_whose_name_ends_like_a_counters() -> None:
    found = {family.name: family for family in parsed(VLLM, CONTENT_TYPE)}["vllm:iteration_tokens_total"]
    assert found.type == "histogram"
    assert {sample.name.removeprefix("vllm:iteration_tokens_total") for sample in found.samples} == {"_bucket", "_count", "_sum"}


def test_other_names_are_left_out() -> None:
    text = (
        "# TYPE python_info gauge\npython_info 1\nhttp_requests_total 3\n# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.7e9\n"
        "process_start_time_seconds_more 1\nvllm_num_requests_running 1\nray_vllm_num_requests_running 1\nmy_tgi_queue_size 2\n"
    )
    assert of_text(text) == (Family("process_start_time_seconds", "gauge", "", (Sample("process_start_time_seconds", (), 1.7e9),)),)


def test_created_series_are_left_out() -> None:
    text = (
        "# TYPE vllm:hits_total counter\nvllm:hits_total 3\n# HELP vllm:hits_created Hits.\n# TYPE vllm:hits_created gauge\nvllm:hits_created 1.7e9\n"
        "vllm:lost_created 1.7e9\n"
    )
    assert [family.name for family in of_text(text)] == ["vllm:hits_total"]


def test_a_sample_without_a_family_is_unknown() -> None:
    text = '# TYPE tgi_a gauge\ntgi_a 1\ntgi_b{x="y"} 2\n# TYPE tgi_c histogram\ntgi_b{x="z"} 3\ntgi_d_bucket{le="1"} 4\n'
    assert of_text(text) == (
        Family("tgi_a", "gauge", "", (Sample("tgi_a", (), 1.0),)),
        Family("tgi_c", "histogram", "", ()),
        Family("tgi_b", "unknown", "", (Sample("tgi_b", (("x", "y"),), 2.0), Sample("tgi_b", (("x", "z"),), 3.0))),
        Family("tgi_d_bucket", "unknown", "", (Sample("tgi_d_bucket", (("le", "1"),), 4.0),)),
    )


@pytest.mark.parametrize("kind", ["untyped", "unknown", "stateset", "nonsense"])
def test_a_type_that_is_none_of_ours_is_unknown(kind: str) -> None:
    assert of_text(f"# TYPE tgi_a {kind}\ntgi_a 1\n")[0].type == "unknown"


def test_letter_case_is_none_of_a_types_meaning() -> None:
    assert of_text("# TYPE tgi_a GAUGE\ntgi_a 1\n")[0].type == "gauge"


def test_types_and_series_may_stand_apart() -> None:
    text = (
        "tgi_a_count 1\n# TYPE tgi_b gauge\ntgi_b 1\n# HELP tgi_a Late.\n# TYPE tgi_a summary\ntgi_a_sum 2\n# TYPE tgi_a gauge\n# HELP tgi_a Later.\n"
    )
    found = {family.name: family for family in of_text(text)}
    assert found["tgi_a"] == Family("tgi_a", "summary", "Late.", (Sample("tgi_a_count", (), 1.0), Sample("tgi_a_sum", (), 2.0)))


def test_a_histograms_bare_name_is_no_series() -> None:
    assert of_text('# TYPE tgi_a histogram\ntgi_a 7\ntgi_a_bucket{le="+Inf"} 1\ntgi_a_sum 7\ntgi_a_count 1\n')[0].samples == (
        Sample("tgi_a_bucket", (("le", "+Inf"),), 1.0),
        Sample("tgi_a_sum", (), 7.0),
        Sample("tgi_a_count", (), 1.0),
    )


def test_of_two_samples_of_one_series_the_last_counts() -> None:
    text = 'tgi_a{x="1",y="2"} 1\ntgi_a{x="2",y="1"} 5\ntgi_a{y="2",x="1"} 3\n'
    assert of_text(text)[0].samples == (Sample("tgi_a", (("y", "2"), ("x", "1")), 3.0), Sample("tgi_a", (("x", "2"), ("y", "1")), 5.0))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("+Inf", math.inf),
        ("-Inf", -math.inf),
        ("infinity", math.inf),
        ("1e400", math.inf),
        ("9" * 4000, math.inf),
        ("-3", -3.0),
        ("1.5E+3", 1500.0),
        (".5", 0.5),
        ("1.", 1.0),
    ],
)
def test_values(written: str, value: float) -> None:
    assert of_text(f"tgi_a {written}\n")[0].samples[0].value == value


def test_nan_stays() -> None:
    assert math.isnan(of_text("tgi_a NaN\n")[0].samples[0].value)


def test_timestamps_and_odd_blanks_are_dropped() -> None:
    text = '  tgi_a{ x = "1" , }  4\t1700000000000 \r\n#TYPE tgi_a counter\n\n\t# \tTYPE\t tgi_a \tgauge\n'
    assert of_text(text) == (Family("tgi_a", "gauge", "", (Sample("tgi_a", (("x", "1"),), 4.0),)),)


def test_what_is_escaped() -> None:
    text = '# HELP tgi_a one\\ntwo \\\\n "three"\ntgi_a{x="a\\\\n\\n\\"} 1\u2028\u00e9\x85"} 1\n'
    assert of_text(text) == (Family("tgi_a", "unknown", 'one\ntwo \\n "three"', (Sample("tgi_a", (("x", 'a\\n\n"} 1\u2028\u00e9\x85'),), 1.0),)),)


def test_nothing_at_all() -> None:
    assert of_text("") == ()
    assert parsed(b"# EOF\n", OPENMETRICS) == ()
    assert parsed(tgi_text(), "") == parsed(tgi_text(), PLAIN)


def test_openmetrics_gives_the_same_as_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prometheus_client.metrics._use_created", True)
    registry = CollectorRegistry()
    Counter("vllm:hits", "Hits.", ["x"], registry=registry).labels(x='a"\\\n').inc(3)
    Gauge("vllm:depth", "Depth.", registry=registry).set(math.inf)
    Gauge("process_start_time_seconds", "Start.", registry=registry).set(1.7e9)
    Gauge("other", "Other.", registry=registry).set(1)
    Histogram("vllm:iteration_tokens_total", "Tokens.", registry=registry).observe(0.3)
    Info("vllm:cache_config", "Cache.", registry=registry).info({"block_size": "16"})
    openmetrics = generate_openmetrics(registry, escaping="allow-utf-8")  # type: ignore[no-untyped-call]
    plain = parsed(generate_latest(registry), PLAIN)
    assert [(family.name, family.type, len(family.samples)) for family in plain] == [
        ("vllm:hits_total", "counter", 1),
        ("vllm:depth", "gauge", 1),
        ("process_start_time_seconds", "gauge", 1),
        ("vllm:iteration_tokens_total", "histogram", 17),
        ("vllm:cache_config_info", "gauge", 1),
    ]
    assert parsed(openmetrics, f"{OPENMETRICS}; version=1.0.0; charset=utf-8") == plain


def test_openmetrics_with_what_plain_text_has_not() -> None:
    text = (
        '# TYPE vllm:a counter\nvllm:a_total{x="1"} 4 1700000000.5 # {trace="t"} 1 1700000000\n'
        '# TYPE tgi_mode stateset\ntgi_mode{tgi_mode="on"} 1\n'
        '# TYPE vllm:depths gaugehistogram\nvllm:depths_bucket{le="+Inf"} 2\nvllm:depths_gcount 2\nvllm:depths_gsum 3\n# EOF\n'
    )
    found = {family.name: family for family in parsed(text.encode(), OPENMETRICS)}
    assert found["vllm:a_total"].samples == (Sample("vllm:a_total", (("x", "1"),), 4.0),)
    assert found["tgi_mode"] == Family("tgi_mode", "gauge", "", (Sample("tgi_mode", (("tgi_mode", "on"),), 1.0),))
    assert found["vllm:depths"].samples == ()
    assert found["vllm:depths_gcount"] == Family("vllm:depths_gcount", "unknown", "", (Sample("vllm:depths_gcount", (), 2.0),))


@pytest.mark.parametrize(("content_type", "end"), [(PLAIN, b""), (OPENMETRICS, b"# EOF\n")])
@pytest.mark.parametrize(
    ("line", "name", "reason"),
    [
        (b"tgi_a", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a ", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a one", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a 1_000", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a 1,5", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a \xd9\xa1", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a 1 soon", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a 1 2 3", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a 1tgi_b 2", "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="1} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="1"', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="1" y="2"} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="say "hi""} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="1",,y="2"} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="1",x="2"} 1', "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a{x=1} 1", "tgi_a", DropReason.UNREADABLE),
        (b"tgi_a{x='1'} 1", "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{"x y"="1"} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{model-name="1"} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="\xff"} 1', "tgi_a", DropReason.UNREADABLE),
        (b"tgi_\xff 1", "tgi_?", DropReason.UNREADABLE),
        (b"tgi_a-b 1", "tgi_a-b", DropReason.UNREADABLE),
        (b"tgi_a.b 1", "tgi_a.b", DropReason.UNREADABLE),
        (b'tgi_a b{x="1"} 1', "tgi_a", DropReason.UNREADABLE),
        (b'tgi_a{x="' + b"y" * LINE_LIMIT + b'"} 1', "tgi_a", DropReason.LINE_TOO_LONG),
        (b"tgi_" + b"y" * LINE_LIMIT + b" 1", "tgi_" + "y" * 96, DropReason.LINE_TOO_LONG),
        (b"tgi_before 0", "tgi_before", DropReason.MALFORMED),
        (b"tgi_h 0", "tgi_h", DropReason.MALFORMED),
    ],
    ids=lambda given: repr(given[:24]) if isinstance(given, bytes) else "",
)
def test_one_bad_line_costs_one_line(line: bytes, name: str, reason: DropReason, content_type: str, end: bytes) -> None:
    found = page(b"# TYPE tgi_h histogram\ntgi_before 1\n" + line + b"\ntgi_after 2\n" + end, content_type)
    values = {sample.name: sample.value for family in found.families for sample in family.samples}
    assert values == {"tgi_before": 0.0 if name == "tgi_before" else 1.0, "tgi_after": 2.0}
    assert found.left_out == (LeftOut(name, reason, 1),)


@pytest.mark.parametrize("line", [b"# TYPE tgi_a-b gauge", b"# HELP tgi_b \xff", b"# HELP tgi_b " + b"y" * LINE_LIMIT, b"# TYPE tgi_b", b"#\xff"])
def test_a_declaration_that_cannot_be_read_costs_no_series(line: bytes) -> None:
    assert page(line + b"\ntgi_b 2\n") == Page((Family("tgi_b", "unknown", "", (Sample("tgi_b", (), 2.0),)),), ())


def test_lines_of_others_may_be_as_bad_and_as_long_as_they_like() -> None:
    body = b"python_\xff{ 1\n" + b"x" * (2 * LINE_LIMIT) + b"\ntgi_b 2\nhttp_requests one\n"
    assert page(body) == Page((Family("tgi_b", "unknown", "", (Sample("tgi_b", (), 2.0),)),), ())


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"tgi_a 1\ntgi_b 2", PLAIN),
        (b"tgi_a 1\ntgi_b", PLAIN),
        (b"tgi_a one\n", PLAIN),
        (b"\x1f\x8b\x08\xff\n", PLAIN),
        (b"tgi_a one\n# EOF\n", OPENMETRICS),
        (b"tgi_a 1\n", OPENMETRICS),
        (b"tgi_a 1\n# EO", OPENMETRICS),
        (b"tgi_a 1 # EOF\n", OPENMETRICS),
        (b"# TYPE tgi_a counter\ntgi_a_total 1", OPENMETRICS),
    ],
)
def test_what_is_no_exposition_or_not_a_whole_one(body: bytes, content_type: str) -> None:
    unreadable(body, content_type)


@pytest.mark.parametrize(("content_type", "end"), [(PLAIN, ""), (OPENMETRICS, "# EOF\n")])
def test_of_too_many_lines_those_are_read_that_unified_numbers_need(content_type: str, end: str) -> None:
    others = "".join(f'vllm:other{{number="{number}"}} 1\n' for number in range(OTHERS_LIMIT + 7))
    needed = "".join(f'vllm:num_requests_running{{engine="{number}"}} 1\n' for number in range(300))
    strange = "python_gc 1\n# TYPE python_gc gauge\n\n" * OTHERS_LIMIT
    found = page((others + strange + "# TYPE vllm:num_requests_running gauge\n" + needed + end).encode(), content_type)
    assert {family.name: (family.type, len(family.samples)) for family in found.families} == {
        "vllm:other": ("unknown", OTHERS_LIMIT),
        "vllm:num_requests_running": ("gauge", 300),
    }
    assert found.left_out == (LeftOut("vllm:other", DropReason.TOO_LARGE, 7),)


@pytest.mark.parametrize("line", ["# TYPE tgi_%d gauge\n", "# HELP tgi_%d Words.\n"])
def test_declarations_without_end_are_not_kept(line: str) -> None:
    body = "".join(line % number for number in range(2 * OTHERS_LIMIT))
    assert len(page(body.encode()).families) <= OTHERS_LIMIT


def test_a_page_with_too_many_lines_that_are_needed_is_too_large() -> None:
    lines = [f'tgi_queue_size{{engine="{number}"}} 1\n' for number in range(NEEDED_LIMIT + 1)]
    assert len(parsed("".join(lines[1:]).encode(), PLAIN)[0].samples) == NEEDED_LIMIT
    with pytest.raises(ScrapeError) as refused:
        parsed("".join(lines).encode(), PLAIN)
    assert refused.value.reason is NativeReason.TOO_LARGE


@pytest.mark.parametrize("line", ["tgi_a{" + 'x="1",' * 2700, 'tgi_a{x="' + "\\" * 16_000, f"tgi_a{' ' * 16_000}x", "tgi_a 1" + "\t " * 8000 + "x"])
def test_a_bad_line_takes_no_more_time_than_a_good_one(line: str) -> None:
    began = time.process_time()
    assert page(f"{line}\ntgi_b 1\n".encode()).left_out[0].reason is DropReason.UNREADABLE
    assert time.process_time() - began < 0.2


NIM = """\
# HELP process_start_time_seconds Start.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e+09
# HELP python_info Python.
# TYPE python_info gauge
python_info{version="3.10"} 1.0
# HELP num_requests_running Running.
# TYPE num_requests_running gauge
num_requests_running{model_name="llama"} 1.0
# TYPE num_request_max gauge
num_request_max{model_name="llama"} 64.0
# TYPE gpu_cache_usage_perc gauge
gpu_cache_usage_perc{model_name="llama"} 0.25
# TYPE prompt_tokens_total counter
prompt_tokens_total{model_name="llama"} 109.0
# TYPE generation_tokens_total counter
generation_tokens_total{model_name="llama"} 174.0
# TYPE time_to_first_token_seconds histogram
time_to_first_token_seconds_bucket{le="0.5",model_name="llama"} 4.0
time_to_first_token_seconds_bucket{le="+Inf",model_name="llama"} 5.0
time_to_first_token_seconds_count{model_name="llama"} 5.0
time_to_first_token_seconds_sum{model_name="llama"} 0.75
# TYPE request_finish_total counter
request_finish_total{finished_reason="length",model_name="llama"} 5.0
# TYPE request_success_total counter
request_success_total{model_name="llama"} 5.0
# TYPE request_failure_total counter
request_failure_total{model_name="llama"} 2.0
"""
"""In the form of NVIDIA's NIM, which has vLLM inside; shortened."""


def test_names_that_a_vllm_writes_without_its_prefix_get_it() -> None:
    found = parse(NIM.encode(), PLAIN, METRICS).families
    assert {family.name: family.type for family in found} == {
        "process_start_time_seconds": "gauge",
        "vllm:num_requests_running": "gauge",
        "vllm:num_request_max": "gauge",
        "vllm:gpu_cache_usage_perc": "gauge",
        "vllm:prompt_tokens_total": "counter",
        "vllm:generation_tokens_total": "counter",
        "vllm:time_to_first_token_seconds": "histogram",
        "vllm:request_finish_total": "counter",
        "vllm:request_success_total": "counter",
        "vllm:request_failure_total": "counter",
    }
    assert METRICS.read(found) == {
        Number.REQUESTS_RUNNING: 1.0,
        Number.KV_CACHE_USAGE: 0.25,
        Number.PROMPT_TOKENS: 109.0,
        Number.GENERATION_TOKENS: 174.0,
        Number.TTFT: Buckets((0.5, math.inf), (4.0, 5.0), 0.75),
        Number.REQUESTS_SUCCEEDED: 5.0,
        Number.REQUESTS_FAILED: 2.0,
    }


def test_openmetrics_without_the_prefix() -> None:
    text = "# TYPE prompt_tokens counter\n# HELP prompt_tokens Words.\nprompt_tokens_total 7\n# EOF\n"
    counter = Family("vllm:prompt_tokens_total", "counter", "Words.", (Sample("vllm:prompt_tokens_total", (), 7.0),))
    assert parse(text.encode(), OPENMETRICS, METRICS).families == (counter,)


def test_beside_names_with_the_prefix_those_without_are_somebody_elses() -> None:
    families = parse(b"vllm:num_requests_running 3\nnum_requests_running 7\nprompt_tokens_total 9\n", PLAIN, METRICS).families
    assert [sample for family in families for sample in family.samples] == [Sample("vllm:num_requests_running", (), 3.0)]


def test_a_name_that_only_begins_like_one_of_the_engines_stays() -> None:
    assert parse(b"num_requests_running_elsewhere 3\nmy_prompt_tokens_total 1\n", PLAIN, METRICS).families == ()


@pytest.mark.parametrize("content_type", ["text/html", "application/json; charset=utf-8", "text/event-stream"])
def test_a_content_type_of_something_else(content_type: str) -> None:
    unreadable(b"", content_type)


def is_sound(body: bytes, content_type: str) -> None:
    """That it is read, or refused as unreadable; and what is promised of all that is read."""
    try:
        families = parsed(body, content_type)
    except ScrapeError:
        return
    for family in families:
        str(family).encode()
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    series = [(sample.name, frozenset(sample.labels)) for family in families for sample in family.samples]
    assert len(set(series)) == len(series)
    for name, _ in series:
        assert name.startswith(("vllm:", "tgi_")) or name == "process_start_time_seconds"
        assert not name.endswith("_created")


CONTENT_TYPES = st.sampled_from([PLAIN, OPENMETRICS, ""])
LINES = st.lists(
    st.text(st.sampled_from(' \t{}",=\\#_:01+-.eInfNaNx\r\u00e9tgi')).map(lambda rest: f"tgi_{rest}")
    | st.sampled_from(["# TYPE tgi_a counter", "# TYPE tgi_a histogram", "# HELP tgi_a \\n", "# EOF", "# UNIT tgi_a a", "tgi_a_total 1"])
    | st.sampled_from(['tgi_a_bucket{le="1"} 1', 'tgi_a_bucket{le="+Inf"} 1', "tgi_a_total 1 # {} 1", "tgi_a_created 1 1"])
)


@given(LINES)
def test_every_line_is_read_or_counted(lines: list[str]) -> None:
    found = page("".join(f"{line}\n" for line in [*lines, "tgi_end 1"]).encode())
    wanted = [line.strip(" \t\r") for line in [*lines, "tgi_end 1"] if line.startswith("tgi_")]
    wanted = [line for line in wanted if not re.split(r"[{ \t]", line)[0].endswith("_created")]
    assert sum(len(family.samples) for family in found.families) + sum(one.series for one in found.left_out) == len(wanted)


@given(st.binary(), CONTENT_TYPES)
def test_arbitrary_bytes(body: bytes, content_type: str) -> None:
    is_sound(body, content_type)


@given(LINES, CONTENT_TYPES)
@example(["tgi_a{", "# EOF"], OPENMETRICS)
def test_arbitrary_lines(lines: list[str], content_type: str) -> None:
    is_sound("".join(f"{line}\n" for line in lines).encode(), content_type)


@given(st.data(), CONTENT_TYPES)
def test_expositions_with_bytes_changed(data: st.DataObject, content_type: str) -> None:
    body = bytearray(data.draw(st.sampled_from([VLLM[:6000], tgi_text(), VLLM[:3000] + b"\n# EOF\n"])))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=8)):
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b"\\", b"{", b"}", b"\n", b"#"]))
    is_sound(bytes(body), content_type)


PARTS = (
    ' a="b"',
    'le="0.1"',
    r'c="\"\n\\"',
    'a="{}} 1"',
    'é="é"',
    ",",
    " ",
    "\t",
    "{",
    "}",
    "} ",
    '"',
    "1",
    "1.5e3",
    "+Inf",
    "nan",
    "1_0",
    "٣",
    " 1700000000",
    ' # {a="b"} 1',
)


@given(st.lists(st.sampled_from(PARTS), max_size=8))
@example(['le="0.1"', "} ", "1"])
@example(["1"])
@example([' a="b"', ",", ' a="b"', "} ", "1"])
@example([r'c="\"\n\\"', ",", "} ", "nan"])
@example([' a="b"', "} ", "1", " 1700000000"])
@example([' a="b"', "} ", "1", ' # {a="b"} 1'])
def test_what_is_usual_is_read_as_what_is_not(parts: list[str]) -> None:
    """A blank before the brace keeps a line from the shorter way of reading it."""
    rest = "".join(parts)
    usual, unusual = (
        parse(f"# TYPE vllm:a gauge\nvllm:b 1\n{series}{{{rest}\n{series}{{{rest}\n".encode(), PLAIN, METRICS) for series in ("vllm:a", "vllm:a ")
    )
    assert repr(usual) == repr(unusual)  # in which NaN is NaN
