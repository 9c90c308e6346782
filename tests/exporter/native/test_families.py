"""Engines' expositions, read."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.families import KEPT_LIMIT, LINE_LIMIT, OPENMETRICS
from probes.numbers.family import Family, Sample
from simulator import Options
from simulator.tgi_metrics import TgiMetrics
from simulator.vllm_metrics import CONTENT_TYPE, VllmMetrics
from tests.exporter.native.recorded import parsed

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


@pytest.mark.parametrize(("written", "value"), [("+Inf", math.inf), ("-Inf", -math.inf), ("1e400", math.inf), ("-3", -3.0), ("1.5E+3", 1500.0)])
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


@pytest.mark.parametrize(
    "text",
    [
        "tgi_a 1\ntgi_b 2",
        "tgi_a\n",
        "tgi_a one\n",
        "tgi_a 1_000\n",
        "tgi_a " + "9" * 4000 + "\n",
        "tgi_a 1 " + "9" * 400 + "\n",
        'tgi_a{x="1} 1\n',
        'tgi_a{x="1",x="2"} 1\n',
        'tgi_a{x=1} 1\n',
        'tgi_a{"x y"="1"} 1\n',
        "tgi_a-b 1\n",
        'tgi_a b{x="1"} 1\n',
        "# TYPE tgi_a-b gauge\n",
        f'tgi_a{{x="{"y" * LINE_LIMIT}"}} 1\n',
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_exposition(text: str) -> None:
    unreadable(text.encode())


@pytest.mark.parametrize(("content_type", "end"), [(PLAIN, ""), (OPENMETRICS, "# EOF\n")])
@pytest.mark.parametrize("line", ["tgi_%d 1\n", "# TYPE tgi_%d gauge\n", "# HELP tgi_%d Words.\n"])
def test_so_many_lines_are_kept_and_no_more(line: str, content_type: str, end: str) -> None:
    lines = [line % number for number in range(KEPT_LIMIT + 1 - len(end.splitlines()))]
    others = "python_gc 1\n# TYPE python_gc gauge\n\n" * KEPT_LIMIT
    parsed(("".join(lines[:-1]) + others + end).encode(), content_type)
    with pytest.raises(ScrapeError) as refused:
        parsed(("".join(lines) + end).encode(), content_type)
    assert refused.value.reason is NativeReason.TOO_LARGE


@pytest.mark.parametrize("content_type", ["text/html", "application/json; charset=utf-8", "text/event-stream"])
def test_a_content_type_of_something_else(content_type: str) -> None:
    unreadable(b"", content_type)


def test_bytes_that_are_no_utf_8() -> None:
    unreadable(b'tgi_a{x="\xff"} 1\n')


@pytest.mark.parametrize("cut", [b"tgi_a 1\n", b"tgi_a 1\n# EO", b"# TYPE tgi_a counter\ntgi_a_total 1"])
def test_openmetrics_that_does_not_end(cut: bytes) -> None:
    unreadable(cut, OPENMETRICS)


def is_sound(body: bytes, content_type: str) -> None:
    """That it is read, or refused as unreadable; and what is promised of all that is read."""
    try:
        families = parsed(body, content_type)
    except ScrapeError:
        return
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
