from __future__ import annotations

import math

import pytest

from exporter.native.escaping import escaped, escaped_help
from exporter.native.labels import Labels
from exporter.native.series import series_of
from exporter.native.text import Written, write
from probes.numbers.family import Family, Sample
from tests.exporter.native.expositions import NUMBERS_TO_PYTHON_ALONE, family, histogram

OURS = Labels({"target": "t"}, frozenset({"target", "backend"}))


def lines(of: Family) -> list[str]:
    """The lines of what is written, our own label left out; every other sample is counted as malformed."""
    written = write(series_of(of, OURS))
    found = written.lines.decode().replace('target="t",', "").replace('{target="t"}', "").splitlines()
    assert (written.series, written.malformed) == (len(found), len(of.samples) - len(found))
    return found


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ((), 'target="t"'),
        ((("model_name", "m"), ("engine", "0")), 'target="t",engine="0",model_name="m"'),
        ((("target", "x"),), 'target="t",exported_target="x"'),
        ((("backend", "nccl"),), 'target="t",exported_backend="nccl"'),
        ((("exported_target", "old"),), 'target="t",exported_target="old"'),
        ((("target", "x"), ("exported_target", "y")), 'target="t",exported_exported_target="x",exported_target="y"'),
        (
            (("exported_exported_target", "z"), ("target", "x"), ("exported_target", "y")),
            'target="t",exported_exported_exported_target="x",exported_exported_target="z",exported_target="y"',
        ),
        ((("backend", "b"), ("target", "x")), 'target="t",exported_backend="b",exported_target="x"'),
        ((("path", 'C:\\a "b"\nc'), ("ü", "ß")), 'target="t",path="C:\\\\a \\"b\\"\\nc",ü="ß"'),
    ],
)
def test_labels_are_ours_and_then_theirs(theirs: tuple[tuple[str, str], ...], expected: str) -> None:
    assert OURS.write(theirs) == expected


def test_our_labels_are_escaped_too() -> None:
    assert Labels({"target": 'a"b'}, frozenset()).write(()) == 'target="a\\"b"'


def test_help_keeps_its_quotes_in_plain_text_only() -> None:
    assert (escaped_help('a "b"\n\\c'), escaped('a "b"\n\\c')) == ('a "b"\\n\\\\c', 'a \\"b\\"\\n\\\\c')


@pytest.mark.parametrize(
    ("value", "written"),
    [(3.0, "3.0"), (0.1, "0.1"), (1e22, "1e+22"), (1e-9, "1e-09"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (-2.5, "-2.5")],
)
def test_values(value: float, written: str) -> None:
    assert lines(family("vllm:g", "gauge", value)) == [f'vllm:g{{of="0"}} {written}']


def test_a_counter_never_falls_below_nothing() -> None:
    assert lines(family("vllm:c_total", "counter", 1, -1, math.nan, math.inf)) == ['vllm:c_total{of="0"} 1', 'vllm:c_total{of="3"} +Inf']
    assert len(lines(family("vllm:u", "unknown", 1, -1, math.nan, math.inf))) == 4


def test_a_series_that_stands_there_twice_after_renaming_is_written_once() -> None:
    twice = (Sample("vllm:g", (("target", "x"),), 1), Sample("vllm:g", (("exported_target", "x"),), 2))
    assert write(series_of(Family("vllm:g", "gauge", "", twice), OURS)) == Written(b'vllm:g{target="t",exported_target="x"} 1\n', 1, 1)


def test_samples_of_a_histogram_stand_together_in_ascending_order() -> None:
    one, two = histogram("tgi_h", 1, 2, 3, labels=(("method", "a"),)), histogram("tgi_h", 4, 5, 6, labels=(("method", "b"),))
    mixed = tuple(sample for pair in zip(reversed(one.samples), reversed(two.samples), strict=True) for sample in pair)
    assert lines(Family("tgi_h", "histogram", "", mixed)) == [
        'tgi_h_bucket{method="a",le="0.5"} 1',
        'tgi_h_bucket{method="a",le="1.0"} 2',
        'tgi_h_bucket{method="a",le="+Inf"} 3',
        'tgi_h_count{method="a"} 3',
        'tgi_h_sum{method="a"} 1.5',
        'tgi_h_bucket{method="b",le="0.5"} 4',
        'tgi_h_bucket{method="b",le="1.0"} 5',
        'tgi_h_bucket{method="b",le="+Inf"} 6',
        'tgi_h_count{method="b"} 6',
        'tgi_h_sum{method="b"} 1.5',
    ]


def test_bounds_stay_as_the_engine_writes_them_but_for_infinity() -> None:
    bounds = ("1", "2.0", "1e1", "inf")
    assert [line.split('le="')[1].split('"')[0] for line in lines(histogram("tgi_h", 1, 2, 3, 4, bounds=bounds))[:4]] == ["1", "2.0", "1e1", "+Inf"]


def without(of: Family, name: str) -> Family:
    return Family(of.name, of.type, of.help, tuple(sample for sample in of.samples if sample.name != of.name + name))


@pytest.mark.parametrize(
    "broken",
    [
        histogram("vllm:h", 1, 2, bounds=("0.5", "1.0")),
        histogram("vllm:h", 3, 2, 4),
        histogram("vllm:h", 1, 2.5, 4),
        histogram("vllm:h", -1, 2, 4),
        histogram("vllm:h", 1, 2, math.inf),
        histogram("vllm:h", 1, 2, math.nan),
        histogram("vllm:h", 1, 2, 3, bounds=("-1", "1", "+Inf")),
        histogram("vllm:h", 1, 2, 3, bounds=("many", "1", "+Inf")),
        histogram("vllm:h", 1, 2, 3, bounds=("NaN", "1", "+Inf")),
        *(histogram("vllm:h", 1, 2, 3, bounds=("0.25", bound, "+Inf")) for bound in NUMBERS_TO_PYTHON_ALONE),
        without(histogram("vllm:h", 1, 2, 3), "_count"),
        without(histogram("vllm:h", 1, 2, 3), "_sum"),
        without(histogram("vllm:h", 1, 2, 3), "_bucket"),
        Family("vllm:h", "histogram", "", (*histogram("vllm:h", 1, 2, 3).samples[:-2], *histogram("vllm:h", 1, 2, 4).samples[-2:])),
        Family("vllm:h", "histogram", "", (*histogram("vllm:h", 1, 2, 3).samples[:-1], Sample("vllm:h_sum", (), math.nan))),
        Family("vllm:h", "histogram", "", (*histogram("vllm:h", 1, 2, 3).samples[:-1], Sample("vllm:h_sum", (), -1))),
        Family("vllm:h", "histogram", "", (Sample("vllm:h_bucket", (), 1), *histogram("vllm:h", 1, 2, 3).samples)),
    ],
)
def test_a_histogram_is_written_whole_or_not_at_all(broken: Family) -> None:
    whole = histogram("vllm:h", 1, 1, 1, labels=(("whole", "yes"),))
    both = Family("vllm:h", "histogram", "", (*broken.samples, *whole.samples))
    assert lines(both) == lines(whole)


def test_a_summary() -> None:
    quantiles = tuple(Sample("tgi_s", (("quantile", at),), 0) for at in ("0.5", "1", "0"))
    summary = Family("tgi_s", "summary", "", (*quantiles, Sample("tgi_s_sum", (), 4), Sample("tgi_s_count", (), 2)))
    assert lines(summary) == ['tgi_s{quantile="0"} 0', 'tgi_s{quantile="0.5"} 0', 'tgi_s{quantile="1"} 0', "tgi_s_sum 4", "tgi_s_count 2"]


def test_a_summary_without_quantiles() -> None:
    assert len(lines(Family("tgi_s", "summary", "", (Sample("tgi_s_sum", (), 4), Sample("tgi_s_count", (), 2))))) == 2


@pytest.mark.parametrize(
    "broken",
    [
        Sample("tgi_s", (), 1),
        Sample("tgi_s", (("quantile", "half"),), 1),
        Sample("tgi_s", (("quantile", "1.5"),), 1),
        *(Sample("tgi_s", (("quantile", bound),), 1) for bound in ("\n1", "0.5\n", " 0.5", "0.2_5", "\u0661")),
        Sample("tgi_s", (("quantile", "0.5"),), -1),
        Sample("tgi_s_count", (), 1.5),
        Sample("tgi_s_count", (), math.nan),
        Sample("tgi_s_sum", (), -1),
        Sample("tgi_s_sum", (), math.nan),
    ],
)
def test_a_summary_is_written_whole_or_not_at_all(broken: Sample) -> None:
    assert lines(Family("tgi_s", "summary", "", (Sample("tgi_s", (("quantile", "0.9"),), 1), broken))) == []
